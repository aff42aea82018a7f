"""Pulls: what is asked of providers, when, and what of it Dagster shows."""

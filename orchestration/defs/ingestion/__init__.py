"""Pulls: what is read of providers, when, and what of it Dagster shows."""

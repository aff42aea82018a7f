"""Dagster's private modules: only what lies here imports them, and an update of Dagster is reviewed here."""

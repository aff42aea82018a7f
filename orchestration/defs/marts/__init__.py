"""Builds: dbt's models, and what is checked on them."""

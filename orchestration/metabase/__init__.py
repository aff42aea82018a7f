"""Metabase: tenants' links, what dbt's documentation says of each column, and a refresh after each build.

The dashboards themselves are files under dashboards/, which metabase-sync applies.
"""

"""Metabase: tenants' links, what dbt's documentation says of each column, and a refresh after each build.

Owns the calls to Metabase's API and the signing of links. Does not own the dashboards: they are files under
`dashboards/`, which metabase-sync applies.
"""

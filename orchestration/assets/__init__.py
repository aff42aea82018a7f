"""The assets, by what makes them: control by people, raw by pulls, staging to marts by dbt."""

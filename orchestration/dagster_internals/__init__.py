"""Dagster's private modules: the only importer of `dagster._core` and `dagster._serdes`."""

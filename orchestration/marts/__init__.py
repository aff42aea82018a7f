"""Building the marts with dbt.

Owns the run of dbt: one build at a time, its day, its record in the ledger, its end. Does not own what a model means
(`dbt_project/`) nor whether marts are fresh enough (`warehouse/marts/freshness.py`).
"""

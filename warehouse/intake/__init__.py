"""What is pushed to us: API keys, and events kept exactly once until they are read as a source.

Owns who may push, that nothing is taken twice, and what a tenant's day holds. Does not own what a request may hold
(`orchestration/intake`), nor what events mean (`sources/`, `dbt_project/`).
"""

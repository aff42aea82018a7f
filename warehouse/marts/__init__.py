"""The marts as their readers meet them: whether they know everything, what a role may read, which days they lack.

Owns the record of builds and the right to build. Does not own what a mart says (`dbt_project/`) nor when one is built
(`orchestration/marts`).
"""

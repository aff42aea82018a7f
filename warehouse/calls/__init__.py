"""Calls as people read them: listed, searched, with what was billed of each, what came of it, and what is doubtful.

Owns what a person accepts of a doubtful call. Does not own how a call is read (`sources/`) or counted
(`dbt_project/`).
"""

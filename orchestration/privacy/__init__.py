"""Bringing stored raw rows to what a contract keeps and a tenant chose.

Owns the passes over stored rows, in batches that can be stopped. Does not own what is personal
(`sources/personal.py`), what a contract keeps (`sources/checks/allowed.py`) nor the change itself, which the database
checks (`warehouse/privacy`).
"""

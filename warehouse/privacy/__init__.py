"""Personal data: kept as long as a tenant wants, handed out, and erased.

Owns retention, export and erasure, and the functions that may change a raw row. Does not own which field is personal
(`sources/personal.py`).
"""

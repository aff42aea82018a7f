"""The oracle: statements, costs and margins in plain Python, from the money rules alone.

It shares no code and no SQL with the marts.
"""

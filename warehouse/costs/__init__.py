"""What providers charge: their bills against what is known of them, costs that nobody knows, and margins.

Owns what a person says of a bill or of an unknown cost. Does not own what a tenant pays: a cost never changes a
statement.
"""

"""The database itself: connections and who they act as, statements by name, locks, errors, the embedded server.

Owns every way to open a connection, and the numbers of all advisory locks. Does not own any table.
"""

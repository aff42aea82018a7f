"""The database itself: connections and who they act as, statements by name, locks, errors, the embedded server."""

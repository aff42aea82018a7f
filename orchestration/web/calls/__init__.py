"""Calls as people read them: found, opened, downloaded and heard."""

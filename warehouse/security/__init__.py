"""Secrets, keys, logins, isolation and the audit log.

Owns the vault, master and data keys, logins of the database and of the pages, and the preflight before anybody is
served. Does not own what a login may see: that is in `warehouse/migrations/0012_rights.sql` and the policies beside
each table.
"""

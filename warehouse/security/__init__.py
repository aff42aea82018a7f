"""Secrets, keys, logins, isolation and the audit log."""

"""Quotas that were reached."""

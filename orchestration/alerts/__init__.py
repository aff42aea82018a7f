"""Alerts about quotas."""

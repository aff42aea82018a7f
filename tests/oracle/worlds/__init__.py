"""Tenants, their months and what is done with them, generated."""

"""Bringing raw rows that stand to what a contract keeps and a tenant chose."""

"""Reviewing, approving, closing and explaining statements, and what leaves the warehouse with them."""

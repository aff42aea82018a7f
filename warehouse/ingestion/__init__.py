"""Pulls and raw rows: what was read, published, set aside, is due again or is forgotten."""

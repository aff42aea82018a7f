"""Pulling usage and looking at what was pulled."""

"""Tests on a machine whose date was moved: Python, PostgreSQL and all that they start see it alike."""

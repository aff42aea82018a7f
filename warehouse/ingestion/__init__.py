"""Pulls: what was read, published, set aside, and is due again.

Owns the ledger of pulls, the quarantine and the retry schedule. Does not own the rows' tables (`warehouse/sources`) nor
the order of a run (`orchestration/ingestion`).
"""

"""Pulls and raw rows: what was read, published, set aside, is due again or is forgotten.

Owns the ledger of pulls, the raw tables, the quarantine, the retry schedule and the rate of each key. Does not own
how a provider is asked (`sources/`) nor the order of a run (`orchestration/ingestion`).
"""

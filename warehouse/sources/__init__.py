"""Sources in the database: what each declares, its raw table, what its accounts hold, and how hard each may be asked.

Owns the raw tables and their end. Does not own how a provider is asked (`sources/`) nor which rows count
(`warehouse/ingestion`).
"""

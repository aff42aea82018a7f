"""What we intend: tenants, agents, meters, plans, prices and costs, and the rules that guard what is approved.

Owns every write to the `control` schema but the vault's. Does not own the states of periods
(`warehouse.statements.periods`), what was pulled (`warehouse.ingestion.pulls`) nor secrets (the vault).
Every write is idempotent and says what it did.
"""

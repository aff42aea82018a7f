"""How the deployment is doing, in figures: what a monitoring system asks for.

Owns no table: each figure is read from the ledgers and marts. Does not own what is done about it: `docs/runbooks/`.
"""

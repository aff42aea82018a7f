"""How the deployment is doing: in figures, for a monitoring system, and in what is wrong, for people.

Owns the table of alerts: what is wrong, and since when. Does not own what is done about it (`docs/runbooks/`), nor how
people hear of it (`orchestration/outgoing`).
"""

"""Alerts that an allowance or a spend limit was reached.

Owns delivery: each alert to one webhook, or to the log, once. Does not own what was reached
(`warehouse/statements/quotas.py`) nor when it is looked for (`orchestration/defs/alerts`).
"""

"""Statements: what blocks them, how they are approved, explained, packed and compared; quotas and forecasts.

Owns the states of periods, the one function that freezes lines, and every reason not to. Does not own how a line is
computed (`dbt_project/`) nor what Stripe charged (`warehouse/stripe`).
"""

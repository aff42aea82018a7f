"""Statements: what blocks them, how they are approved, explained and compared; margins, quotas and forecasts."""

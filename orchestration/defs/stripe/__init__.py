"""Overage to Stripe, its events, and what it holds."""

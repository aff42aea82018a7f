"""Posting to Stripe and comparing with it."""

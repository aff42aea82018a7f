"""Closing a month and posting to Stripe."""

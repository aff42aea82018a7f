"""What we know of Stripe: postings, items, invoices as last read, prices, kept answers, events.

Owns these tables and the rules between their states. Does not own any call: it asks Stripe nothing
(`orchestration/stripe_billing` does).
"""

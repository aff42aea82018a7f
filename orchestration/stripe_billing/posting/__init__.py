"""Overage to Stripe: which tenant may be posted, what is sent, and what each answer means."""

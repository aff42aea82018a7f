"""Billing through Stripe: set-up, postings, invoices, webhooks, and reading all of it back."""

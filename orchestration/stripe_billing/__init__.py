"""Billing through Stripe: set-up, postings, invoices, webhooks, and reading all of it back.

Owns every call to Stripe (`orchestration/stripe_billing/api`) and the order of a posting: committed before it is
sent, one in flight per tenant and meter. Does not own what is owed (`dbt_project/`) nor what we know of Stripe
(`warehouse/stripe`).
"""

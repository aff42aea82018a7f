"""Stripe's invoices, final and upcoming, against our statements; the items we add to them."""

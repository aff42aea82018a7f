"""What we know of Stripe: postings, items, invoices as last read, prices, kept answers, events. Asks Stripe nothing."""

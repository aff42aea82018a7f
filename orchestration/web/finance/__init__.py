"""Finance's pages: the month, its statements and their approval, invoices, costs, credits, and all tenants together."""

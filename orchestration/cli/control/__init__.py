"""What we intend: tenants, agents, meters, plans, prices, costs, credits, limits."""

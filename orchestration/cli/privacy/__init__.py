"""Personal data of tenants."""

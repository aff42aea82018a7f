"""Personal data: kept as long as a tenant wants, handed out, and erased."""

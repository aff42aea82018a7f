"""How each provider is asked: one account, one UTC day, half-open. A folder is a provider (`sources.registry`)."""

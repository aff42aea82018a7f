"""Workflows that are run here, for tenants whose feature flag names them."""

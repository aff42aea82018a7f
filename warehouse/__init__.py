"""What we know and what we did: PostgreSQL, its migrations, the vault and the ledger of pulls."""

"""The finance pack: one folder per month that needs no server, drawn from what the marts and the ledger say."""

"""How Stripe is called: one function per call, kept answers, a shared pace, one account and mode."""

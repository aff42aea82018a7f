"""Making the marts."""

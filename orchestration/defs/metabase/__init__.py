"""What Metabase says of the marts."""

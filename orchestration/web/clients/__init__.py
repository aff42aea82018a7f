"""What a tenant sees of itself: its usage, its statements, and the agency's name and colours."""

"""Commands about what others are told."""

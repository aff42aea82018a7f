"""Personal data that is no longer kept."""

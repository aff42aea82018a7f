"""What people ask for on the pages."""

"""What `minutebook doctor` looks at."""

"""What providers, machines and people do to a pull; each time the next one ends where an undisturbed one does."""

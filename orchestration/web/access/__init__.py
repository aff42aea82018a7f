"""Who is looking: signing in, second factors, sessions, passwords and their links, and the people who may sign in."""

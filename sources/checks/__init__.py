"""What an answer and its rows are held to: fields, bounds, what is wrong in words, and where a broken row goes."""

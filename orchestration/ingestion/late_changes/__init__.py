"""Older days whose provider changed them after they were read: found, and pulled again."""

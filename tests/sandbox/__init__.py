"""The providers' HTTP, spoken on loopback for tests and the demo, and a story with known totals. Imports nothing of
the product.
"""

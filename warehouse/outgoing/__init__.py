"""What others are told: endpoints, the events written down for them, and how each was delivered.

Owns endpoints, outgoing events, deliveries, and what was told already. Does not own sending
(`orchestration/outgoing`), nor facts: whoever makes one calls `tell` of `warehouse/outgoing/outbox.py` in its own
transaction, or a trigger does.
"""

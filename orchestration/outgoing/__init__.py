"""Outgoing events: what is sent to endpoints, how it is signed, and whom it may reach.

Standard Webhooks (https://www.standardwebhooks.com): the headers webhook-id, webhook-timestamp and webhook-signature
over the body. Owns bodies, signatures, who may be reached, and passes over what is due. Does not own what is due, or
when it is tried again (`warehouse/outgoing`).
"""

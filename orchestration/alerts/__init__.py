"""Alerts: that people hear of what is wrong once, and once that it is over.

Owns the look at everything and its words for each alert. Does not own what is wrong, nor which alerts are open
(`warehouse/operations`), nor how they reach people: a channel is an endpoint (`orchestration/outgoing`).
"""

"""Workflows that Minutebook runs itself: which call began which run, and what becomes of each.

Owns the ledger's automation_runs, and the schema automations, whose tables are LangGraph's and written by it alone.
Does not own the workflows (a module of the deployment's), nor which tenant has which: that is its feature flag.
"""

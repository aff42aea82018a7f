"""Dagster's private modules: storage, run queue, run launcher, backfills.

Owns every import of what Dagster does not document, so that an update of Dagster is reviewed here. Does not own what
runs, nor any rule of ours.
"""

"""Every advisory lock there is. Statements in .sql files name them as {lock_build}; a test refuses a literal number.

Only processes may take them: see close_doors in warehouse/install.sql.
"""

from enum import IntEnum


class Lock(IntEnum):
    """The first of a lock's two keys; the second is an id, or 0. MIGRATION is one key of eight bytes."""

    ATTEMPT = 7733  # of the process that pulls, by attempt id, while it lives
    BUILD = 7734  # exclusive while the marts are built, shared while they are frozen
    CONTROL = 7735  # who changes versions of plans and prices
    POSTING = 7736  # who posts to Stripe
    QUOTAS = 7737  # who tells of quotas
    VAULT = 7738  # who writes secrets of one owner
    AUDIT = 7740  # who appends to the chain of the audit log
    KEYS = 7741  # who makes API keys or hooks of one tenant
    REPLACING = 7742  # whose pushed events replace others, by tenant
    TELLING = 7743  # whose facts are written down for endpoints, by subject
    ALERTS = 7744  # who compares what is wrong with what was said
    AUTOMATION = 7745  # whose workflow goes on, by thread
    RUN = 7746  # of the process that a host runs a run of Dagster in, by a hash of the run, while it lives
    MIGRATION = 77330001

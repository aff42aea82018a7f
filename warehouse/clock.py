"""The one clock: whatever depends on the moment or the day takes it from here.

MINUTEBOOK_CLOCK_OFFSET, in seconds, moves it: tests and demonstrations set it, and the processes that they start
inherit it. The database's own clock stays the server's.
"""

import os
from datetime import UTC, date, datetime, timedelta

OFFSET = "MINUTEBOOK_CLOCK_OFFSET"


def now() -> datetime:
    """The present moment, aware, in UTC."""
    offset = os.environ.get(OFFSET)
    return datetime.now(UTC) + timedelta(seconds=float(offset)) if offset else datetime.now(UTC)


def today() -> date:
    """The present UTC day."""
    return now().date()


def offset_to(moment: datetime) -> str:
    """The value of MINUTEBOOK_CLOCK_OFFSET with which the clock shows this moment now."""
    return str((moment - datetime.now(UTC)).total_seconds())

"""Campaigns: what their provider calls them and counts of them, and how many of their calls were read.

Owns what providers count. Nothing of it is usage: it is held against what was read, and moves no money.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from warehouse.database.queries import Connection, execute, rows

FILE = "sources/campaigns"


def calling(connection: Connection, source: str, accounts: Sequence[str], first_day: date, total: str) -> list[str]:
    """Those of these accounts in which a campaign made a call since a day; total: the name of what counts these."""
    asked = {"source": source, "accounts": list(accounts), "first_day": first_day, "total": total}
    return [row["account"] for row in rows(connection, FILE, "calling", **asked)]


def record(
    connection: Connection, source: str, account: str, found: Sequence[Mapping[str, object]], now: datetime
) -> None:
    """Keep what a provider says of an account's campaigns: campaign_id, name, calls, connected and is_over of each."""
    asked = {"source": source, "account": account, "campaigns": json.dumps(list(found)), "now": now}
    execute(connection, FILE, "record", **asked)


def made(connection: Connection, source: str, account: str) -> dict[str, tuple[int, int]]:
    """By id of a campaign, how many calls it made and how many of them connected, as the marts have them; none before
    the first build.
    """
    if not rows(connection, FILE, "is_built")[0]["is_built"]:
        return {}
    found = rows(connection, FILE, "made", source=source, account=account)
    return {row["campaign_id"]: (row["calls"], row["connected"]) for row in found}

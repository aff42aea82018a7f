"""Campaigns, as their provider names and counts them, asked for after an account's days were read.

Only of accounts in which a campaign called lately: others are asked nothing. It is a check of what was read, so an
account that does not answer fails no day; it is counted again by the next run.
"""

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay
from orchestration.ingestion.reading import Readers, failure_of
from sources.reading import CAMPAIGN_CALLS
from sources.registry import all_sources
from warehouse.sources import campaigns

LATELY = timedelta(days=30)

log = logging.getLogger(__name__)


def count_campaigns(
    connection: psycopg.Connection[Any], readers: Readers, days: Collection[AccountDay], now: datetime
) -> None:
    """Keep what providers count of the campaigns of these days' accounts."""
    for source in all_sources().values():
        by_account = {day.account: day for day in days if day.source == source.name}
        if source.campaigns is None or not by_account:
            continue
        since = (now - LATELY).date()
        calling = campaigns.calling(connection, source.name, list(by_account), since, CAMPAIGN_CALLS)
        asked = [by_account[account] for account in calling if not readers.prepare(by_account[account])]
        with ThreadPoolExecutor(source.at_once, "counting") as pool:
            answers = {day.account: pool.submit(readers.campaigns, day) for day in asked}
        for account, answer in answers.items():
            try:
                found = [asdict(one) for one in answer.result()]
            except Exception as error:  # noqa: BLE001 - whatever it is, what was read stands
                log.warning("%s of %s: campaigns were not counted: %s", source.name, account, failure_of(error).cause)
                continue
            campaigns.record(connection, source.name, account, found, now)

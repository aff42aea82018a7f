"""What `minutebook doctor` says of pulls: days that are missing, that a provider will soon forget, that it may have
forgotten; one organisation under two keys; rows that should have been purged."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby

from orchestration.cli.doctor.findings import Finding, Level
from orchestration.remedies import word
from orchestration.remedies.blockers import two_keys as fix_two_keys
from sources.contracts import EVENT_IDS
from sources.day import PLATFORM
from sources.reading import BEYOND_TOTAL, REPLACED, SUMMED
from sources.registry import all_sources, horizons, remembered_since
from warehouse.database.queries import Connection, Row
from warehouse.finding import first_of
from warehouse.ingestion import retry_schedule
from warehouse.ingestion.day_status import days_needing_attention
from warehouse.intake.heard import Heard
from warehouse.intake.heard import findings as heard_of
from warehouse.marts import checks
from warehouse.sources import examination, retention
from warehouse.statements.review_rules import of_two_keys
from warehouse.words import counted, day, moment, span

FEWEST_LEFT, MOST_LEFT = 4, 10  # days before a provider forgets in which a missing day is urgent
HEARD_DAYS = 30
STATES = {
    "not pulled": "never pulled",
    "failed": "failed and without data",
    "failed again": "failed when pulled again, with the data from before",
    "incomplete": "incomplete",
    "reading": "being read",
}


def missing_days(connection: Connection, days: int, now: datetime) -> Iterator[Finding]:
    """Tenant-days of the last `days` that are not whole, by source and state, and those that will soon be forgotten."""
    today = now.date()
    needing = days_needing_attention(connection, today - timedelta(days=days), today - timedelta(days=1))
    if not needing:
        yield Finding(Level.GOOD, f"no day of the last {days} is missing, failed or incomplete")
        return
    back = retry_schedule.next_pulls(connection, now, horizons())
    order = list(STATES)
    needing.sort(key=lambda row: (row["source"], order.index(row["status"]), row["usage_date"]))
    for (source, status), group in groupby(needing, key=lambda row: (row["source"], row["status"])):
        found = list(group)
        times = [at for row in found if (at := back.get((source, row["account"], row["usage_date"])))]
        coming = len(times)
        returns = f"; {coming} of them come back by themselves, the first {_at(times, now)}" if times else ""
        what = f"{counted(len(found), 'tenant-day')} of {source} {STATES[status]}, {_span(found)}{returns}"
        will_heal = status == "reading" or (status == "incomplete" and coming == len(found))
        yield Finding(Level.WORTH_A_LOOK if will_heal else Level.WRONG, what, _pull(source, found))
    for source, group in groupby(needing, key=lambda row: row["source"]):
        yield from _forgotten(source, [row for row in group if row["status"] != "reading"], today)


def _forgotten(source: str, found: list[Row], today: date) -> Iterator[Finding]:
    """What is still to be had, for how long, and what may be gone."""
    horizon = all_sources()[source].horizon_days
    if horizon is None:
        return
    within = min(MOST_LEFT, max(FEWEST_LEFT, horizon // 3))
    soon = [row for row in found if 0 <= _days_left(row, horizon, today) < within]
    if soon:
        last = min(row["usage_date"] for row in soon) + timedelta(days=horizon)
        what = (
            f"{source} will forget {counted(len(soon), 'tenant-day')} not read whole within {counted(within, 'day')},"
            f" the first on {day(last)} ({_tenants(soon)})"
        )
        yield Finding(Level.WRONG, what, f"today: {_pull(source, soon)}")
    if gone := [row for row in found if _days_left(row, horizon, today) < 0]:
        what = (
            f"{counted(len(gone), 'tenant-day')} of {source}, {_span(gone)}, older than the"
            f" {counted(horizon, 'day')} that {source} is sure to keep, may be gone ({_tenants(gone)})"
        )
        yield Finding(Level.WRONG, what, f"{_pull(source, gone)}, and see what the provider still has")


def missing_events(connection: Connection) -> Iterator[Finding]:
    """Usage that a source read and that its tenant, which pushes the like, did not push: exact counts lack it."""
    for name, source in all_sources().items():
        if EVENT_IDS not in source.facts:
            continue
        for row in checks.offenders(connection, "no_pushed_event_is_missing", source=name):
            what = (
                f"{row['tenant_id']} pushed {row['pushed']} and not {row['missing']} of the calls that {name} read of"
                f" {day(row['usage_date'])}, {row['example']} among them: what they used is not billed"
            )
            yield Finding(Level.WRONG, what, "push them again (docs/push-usage.md), then: minutebook build")


def two_keys(connection: Connection) -> Iterator[Finding]:
    """One Vapi organisation that is read under two keys. The marts must be built."""
    for row in checks.offenders(connection, "no_call_is_counted_twice"):
        what = (
            f"accounts {row['accounts']} list the same calls on {counted(row['days'], 'day')},"
            f" {span(row['first_day'], row['last_day'])}: one organisation under two keys is billed twice"
        )
        days = {"source": row["source"], "usage_date": row["first_day"], "last_date": row["last_day"]}
        facts = {**days, **of_two_keys(connection, row["accounts"].split(", "), days)}
        yield Finding(Level.WRONG, what, fix_two_keys(facts))


def campaigns_counted_otherwise(connection: Connection) -> Iterator[Finding]:
    """Campaigns of which a provider counts other calls than were read. The marts must be built."""
    for row in checks.offenders(connection, "campaigns_are_counted_alike"):
        connected = row["provider_connected_calls"]
        of_them = "" if connected is None else f", {connected} of them connected"
        what = (
            f"{row['source']} counts {counted(row['provider_calls'], 'call')}{of_them}, of campaign"
            f" {row['campaign_id']} of {row['account']}; {row['calls']} were read,"
            f" {row['connected_calls']} of them connected, and are what is billed"
        )
        whose = "" if row["account"] == PLATFORM else f" --tenant {row['account']}"
        fix = f"minutebook pull{whose} --source {row['source']} --from {row['first_day']} --to {row['last_day']}"
        yield Finding(Level.WORTH_A_LOOK, what, fix)


def late_changes(connection: Connection, today: date) -> Iterator[Finding]:
    """Of each source in use, how a late change to an older day is noticed; what is older, a person's pull finds."""
    for name in examination.sources_in_use(connection, today):
        source = all_sources()[name]
        yield Finding(Level.GOOD, f"late changes of {source.name} are noticed {source.late_changes}")


NOTICES = {
    REPLACED: "characters that are no UTF-8: each is stored as U+FFFD, and a row with one in its ids is set aside",
    SUMMED: "lines of a bill that nothing tells from another line: each was added to that one",
    BEYOND_TOTAL: "lines of a bill that add up to more than its total: that total is the day's one line",
}
"""What readings count of themselves that a person should know, by the name of the total."""


def notices(connection: Connection, days: int, now: datetime) -> Iterator[Finding]:
    """Days whose readings, as each was last read, have something to say of themselves."""
    first_day = now.date() - timedelta(days=days)
    for name, words in NOTICES.items():
        for one in examination.noticed(connection, name, first_day):
            days_of = f"{counted(one.days, 'day')}, {span(one.first_day, one.last_day)}"
            what = f"{one.source} of {one.account} sent {words} ({one.noticed} on {days_of})"
            whose = "" if one.tenant_id is None else f" --tenant {one.tenant_id}"
            fix = f"minutebook pull{whose} --source {one.source} --from {one.first_day} --to {one.last_day}"
            yield Finding(Level.WORTH_A_LOOK, what, fix)


def purge(connection: Connection, superseded_days: int, now: datetime) -> Iterator[Finding]:
    """Unread pulls that are older than they should get."""
    late = retention.late(connection, now - timedelta(days=superseded_days + 7))
    if late:
        what = f"{counted(late, 'pull')} that nobody reads should have been purged a week ago"
        yield Finding(Level.WORTH_A_LOOK, what, "minutebook purge")


def _at(times: Iterable[datetime], now: datetime) -> str:
    first = min(times)
    return "now" if first <= now else f"on {moment(first)}"


def _days_left(row: Row, horizon: int, today: date) -> int:
    usage_date: date = row["usage_date"]
    return (usage_date + timedelta(days=horizon) - today).days


def _pull(source: str, found: Iterable[Row]) -> str:
    dates = [row["usage_date"] for row in found]
    tenants = {row["tenant_id"] for row in found}
    whose = f" --tenant {min(tenants)}" if len(tenants) == 1 else ""
    return f"minutebook pull{whose} --source {source} --from {min(dates)} --to {max(dates)}"


def _span(found: Iterable[Row]) -> str:
    dates = [row["usage_date"] for row in found]
    return span(min(dates), max(dates))


def _tenants(found: Iterable[Row]) -> str:
    return first_of(sorted({str(row["tenant_id"]) for row in found}), 3)


def heard(connection: Connection, today: date) -> Iterator[Finding]:
    """What providers reported at hooks that somebody should know, and calls that were reported and are not listed."""
    first, last = today - timedelta(days=HEARD_DAYS), today - timedelta(days=1)
    for found in heard_of(connection, first, last, remembered_since(today)):
        level = Level.WORTH_A_LOOK if found.code == Heard.UNREADABLE_REPORT else Level.WRONG
        yield Finding(level, **word(found).as_record)

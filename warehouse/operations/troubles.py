"""What is wrong with the deployment now, as findings: one for each kind of trouble and tenant, source or thing.

Each look is at the whole, so nothing is kept between two. Read on a connection as operator.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from warehouse.database.queries import Connection, Row, first, rows
from warehouse.finding import Finding, Subject
from warehouse.ingestion import retry_schedule
from warehouse.intake import hooks
from warehouse.marts.checks import offenders
from warehouse.marts.freshness import is_built
from warehouse.operations import health
from warehouse.security import isolation
from warehouse.statements import balance, canary, quotas

FILE = "operations/troubles"
OLD = timedelta(hours=26)
"""After so long a night, or a build, was missed."""
PATIENCE = timedelta(hours=1)
"""How long what is tried again by itself may fail."""
NIGHT_IS_LATE = timedelta(hours=6)
"""After the end of a day, when the night should have read it; it comes back by itself later."""
EXPIRES_SOON, FORGOTTEN_AFTER = timedelta(days=14), timedelta(days=7)


class Trouble(StrEnum):
    """Its facts are named beside each code."""

    DAYS = "days_behind"  # source, account, days, first_day, last_day, tenants, a_tenant, status, cause_code, cause
    NIGHT = "night_missed"  # began
    BUILD = "build_failed"  # fault
    OLD_DATA = "data_old"  # built_at
    CHECK = "check_red"  # check, found
    DIFFERS = "posting_differs"  # days, first_day, last_day, findings
    REPORTS = "reports_not_listed"  # calls, source, first_day, last_day
    INVOICE = "invoice_differs"  # lines, what
    NOT_POSTED = "not_posted"  # days, first_day, last_day, is_refused, cause
    QUOTA = "quota_reached"  # quota, threshold, used, allowed, unit, period_start
    EXPECTED = "quota_expected"  # quota, used, expected, allowed, unit, on, period_start
    KEY = "key_expires"  # key_id, scopes, expires_at, is_over
    ENDPOINT = "endpoint_fails"  # endpoint_id, host, since, is_gone
    AUTOMATION = "automation_fails"  # automation, runs, is_failed, fault, since
    DISK = "disk_full"  # place, free, total (bytes)
    BACKUP = "backup_old"  # newest_at; place; is_failing: the log cannot be archived


@dataclass(frozen=True)
class Wrong:
    """A finding, and how bad it is within its kind: what rises is said again, and 0 keeps open what is open already."""

    finding: Finding
    level: int = 1


Look = Callable[[Connection, datetime], Iterator[Wrong]]


def days(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Days of the last two weeks that are not whole; worse where a person has to do something."""
    asked = {
        "first_day": (now - health.WINDOW).date(),
        "last_day": now.date() - timedelta(days=1),
        "tried_before": now - PATIENCE,
        "over_before": now - NIGHT_IS_LATE,
        "a_schedule_pulls": retry_schedule.a_schedule_pulls(connection),
    }
    for row in rows(connection, FILE, "days", **asked):
        tenant = None if row["account"] == "platform" else row["account"]
        subject = Subject(tenant, source=row["source"], first_day=row["first_day"], last_day=row["last_day"])
        yield Wrong(Finding(Trouble.DAYS, subject, row), 2 if row["needs_a_person"] else 1)


def night(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """No schedule began to read; none where none ever did."""
    began = health.last_night(connection)
    if began is not None and now - began > OLD:
        yield Wrong(Finding(Trouble.NIGHT, facts={"began": began}))


def builds(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """The last build failed, or is long ago; none where nothing was ever built."""
    standing = health.last_builds(connection)
    if standing.is_failing:
        failed = first(connection, FILE, "last_failed_build")
        yield Wrong(Finding(Trouble.BUILD, facts={"fault": failed and failed["fault"]}))
    if standing.built_at is not None and now - standing.built_at > OLD:
        yield Wrong(Finding(Trouble.OLD_DATA, facts={"built_at": standing.built_at}))


def checks(connection: Connection, _: datetime) -> Iterator[Wrong]:
    """What must hold of the marts and does not. It changes with a build, or with what was read."""
    found = {
        "provider_total_agrees": int((first(connection, FILE, "disagreeing") or {"found": 0})["found"]),
        "rows_stay_with_their_tenant": len(isolation.flaws(connection)),
    }
    if is_built(connection):
        found["known_answer_tenant_agrees"] = len(canary.verdict(connection).wrong)
        found["the_books_balance"] = len(balance.imbalances(connection))
        for name in ("no_usage_is_unattributed", "no_usage_is_unpriced", "no_call_is_counted_twice"):
            found[name] = len(offenders(connection, name))
    for name, count in found.items():
        if count:
            yield Wrong(Finding(Trouble.CHECK, Subject(ids=(name,)), {"check": name, "found": count}))


def postings(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """What Stripe refused or does not answer for; and what differs once it should not."""
    for row in rows(connection, FILE, "not_posted", tried_before=now - PATIENCE):
        yield Wrong(Finding(Trouble.NOT_POSTED, Subject(row["tenant_id"]), row), 2 if row["is_refused"] else 1)
    if is_built(connection):
        for row in rows(connection, FILE, "differing"):
            yield Wrong(Finding(Trouble.DIFFERS, Subject(row["tenant_id"]), row))


def reports(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Calls of the last two weeks that their provider reported as they ended, and did not list when it was read."""
    first_day, last_day = (now - health.WINDOW).date(), now.date() - timedelta(days=1)
    found: dict[tuple[str | None, str], list[Row]] = {}
    for row in hooks.missing(connection, first_day, last_day):
        found.setdefault((row["tenant_id"], row["source"]), []).append(row)
    for (tenant_id, source), missing in found.items():
        days = [row["usage_date"] for row in missing]
        calls = sum(len(row["row_ids"]) for row in missing)
        facts = {"calls": calls, "source": source, "first_day": min(days), "last_day": max(days)}
        yield Wrong(Finding(Trouble.REPORTS, Subject(tenant_id, source=source), facts))


def final_invoices(connection: Connection, _: datetime) -> Iterator[Wrong]:
    """Final invoices of which a line has no counterpart in its statement, as they were last compared."""
    for row in rows(connection, FILE, "final_invoices"):
        yield Wrong(Finding(Trouble.INVOICE, Subject(row["tenant_id"], row["period_start"]), row))


def reached_quotas(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Quotas as they stand, after what was crossed and recovered since is written down; worse the more is used."""
    if not is_built(connection):
        return
    quotas.record(connection, now.date())
    for row in quotas.crossed(connection, now.date()):
        subject = Subject(row["tenant_id"], row["period_start"], ids=(row["quota"],))
        yield Wrong(Finding(Trouble.QUOTA, subject, row), (50, 80, 100).index(row["threshold"]) + 1)


def expected_quotas(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Quotas that a running period will pass by its forecast. It changes with a build."""
    if is_built(connection):
        for one in quotas.expected(connection, now.date()):
            subject = Subject(one.tenant_id, one.period_start, ids=(one.quota,))
            yield Wrong(Finding(Trouble.EXPECTED, subject, asdict(one)))


def keys(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Keys that end within two weeks and that nothing replaces; worse once they have ended."""
    asked = {"expires_before": now + EXPIRES_SOON, "forgotten_before": now - FORGOTTEN_AFTER}
    for row in rows(connection, FILE, "expiring_keys", **asked):
        is_over = row["expires_at"] <= now
        finding = Finding(Trouble.KEY, Subject(row["tenant_id"], ids=(row["key_id"],)), {**row, "is_over": is_over})
        yield Wrong(finding, 2 if is_over else 1)


def endpoints(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Endpoints that do not take what they are sent; worse where they asked for no more."""
    for row in rows(connection, FILE, "failing_endpoints", tried_before=now - PATIENCE):
        facts = {**row, "since": row["gone_at"] or row["failing_since"], "is_gone": row["gone_at"] is not None}
        subject = Subject(row["tenant_id"], ids=(row["endpoint_id"],))
        yield Wrong(Finding(Trouble.ENDPOINT, subject, facts), 2 if row["gone_at"] else 1)


def automations(connection: Connection, now: datetime) -> Iterator[Wrong]:
    """Workflows that failed for good, or that nobody takes on although they have long been due."""
    for row in rows(connection, FILE, "failing_automations", due_before=now - PATIENCE):
        yield Wrong(Finding(Trouble.AUTOMATION, Subject(row["tenant_id"], ids=(row["automation"],)), row))


LOOKS: Mapping[Look, tuple[Trouble, ...]] = {
    days: (Trouble.DAYS,),
    night: (Trouble.NIGHT,),
    builds: (Trouble.BUILD, Trouble.OLD_DATA),
    postings: (Trouble.NOT_POSTED, Trouble.DIFFERS),
    reports: (Trouble.REPORTS,),
    final_invoices: (Trouble.INVOICE,),
    reached_quotas: (Trouble.QUOTA,),
    keys: (Trouble.KEY,),
    endpoints: (Trouble.ENDPOINT,),
    automations: (Trouble.AUTOMATION,),
}
"""What is looked at each time, and the kinds that each look decides."""
OF_A_BUILD: Mapping[Look, tuple[Trouble, ...]] = {checks: (Trouble.CHECK,), expected_quotas: (Trouble.EXPECTED,)}
"""What is looked at once for each build."""


def last_build(connection: Connection) -> int | None:
    """The build that the marts are of."""
    found = first(connection, FILE, "last_build_id")
    return found["build_id"] if found else None

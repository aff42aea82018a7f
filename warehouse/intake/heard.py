"""What somebody has to know of what providers reported at hooks, as findings."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum

from warehouse.database.queries import Connection
from warehouse.finding import Finding, Subject
from warehouse.intake import hooks


class Heard(StrEnum):
    """Codes; the first two are those of `intake.hook_notices`."""

    AWAITS_ANSWER = "awaits_answer"  # hook_id, provider, about, last_at
    UNREADABLE_REPORT = "unreadable_report"  # hook_id, provider, about, last_at
    NEVER_PULLED = "heard_never_pulled"  # source, day; subject: tenant, rows
    FORGOTTEN = "heard_forgotten"  # source, provider, day; subject: tenant, rows


def findings(
    connection: Connection, first_day: date, last_day: date, remembered_since: Mapping[str, date]
) -> Iterator[Finding]:
    """Of notices that nobody has seen, and of rows of those days that were reported and not listed. As the operator.
    remembered_since: by source, the first day of which its provider still has all.
    """
    for row in hooks.notices(connection):
        facts = {name: row[name] for name in ("hook_id", "provider", "about", "last_at")}
        yield Finding(Heard(row["code"]), Subject(tenant_id=row["tenant_id"]), facts)
    yield from not_listed(connection, first_day, last_day, remembered_since)


def not_listed(
    connection: Connection, first_day: date, last_day: date, remembered_since: Mapping[str, date]
) -> Iterator[Finding]:
    """Rows of those days that were reported and not listed by the reading after that. As the operator."""
    for row in hooks.missing(connection, first_day, last_day):
        day = row["usage_date"]
        yield Finding(
            Heard.FORGOTTEN if day < remembered_since.get(row["source"], day) else Heard.NEVER_PULLED,
            Subject(row["tenant_id"], None, row["source"], day, day, tuple(row["row_ids"])),
            {"source": row["source"], "provider": row["provider"], "day": day},
        )

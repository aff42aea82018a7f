"""What a person accepts of a reading that is doubtful: rows that are gone, totals that differ; of each day, just what
was shown of it before. Owns `ledger.acceptances` of them; those of rows set aside are `quarantine`'s.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse.database import queries
from warehouse.ingestion.pulls import PullKey

_SQL = queries.load("ingestion/acceptances")


@dataclass(frozen=True)
class Doubted:
    """A doubt of an account-day. subject: what of the day is doubtful; evidence: its figures, and which rows."""

    key: PullKey
    doubt: str
    subject: str
    evidence: str

    @property
    def _named(self) -> dict[str, Any]:
        return {**_of_day(self.key), "doubt": self.doubt, "subject": self.subject, "evidence": self.evidence}


def is_shown(connection: psycopg.Connection[Any], doubted: Doubted) -> bool:
    """Whether an earlier pull of the day failed for just this, so that somebody may have seen it."""
    return _is(connection, "is_shown", doubted)


def is_accepted(connection: psycopg.Connection[Any], doubted: Doubted) -> bool:
    """Whether a person accepted just this."""
    return _is(connection, "is_accepted", doubted)


def accept(connection: psycopg.Connection[Any], doubted: Doubted, reason: str) -> None:
    """Settle it, as its evidence has it."""
    connection.execute(_SQL["accept"], {**doubted._named, "tenant_id": doubted.key.tenant_id, "reason": reason})


def shown_total(connection: psycopg.Connection[Any], key: PullKey, subject: str) -> str | None:
    """The figures of a provider's total that differs from the rows of the day now as it did when they were read before;
    None where it does not, or has not been seen yet."""
    found = connection.execute(_SQL["shown_total"], {**_of_day(key), "subject": subject}).fetchone()
    return None if found is None else str(found[0])


def _is(connection: psycopg.Connection[Any], query: str, doubted: Doubted) -> bool:
    ((answer,),) = connection.execute(_SQL[query], doubted._named).fetchall()
    return bool(answer)


def _of_day(key: PullKey) -> dict[str, Any]:
    return {"source": key.source, "account": key.account, "usage_date": key.usage_date}

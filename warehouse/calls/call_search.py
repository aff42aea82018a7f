"""Calls by the words that were said in them: of a tenant as that tenant, of one or of all as an operator.

Words are matched in the tenant's language, in any case: `plumber "monday morning" -voicemail or cancel`.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from warehouse.calls.call_filters import Filters, Key, Place
from warehouse.calls.calls import listing
from warehouse.control import call_results
from warehouse.database.queries import Connection, rows

FILE = "calls/call_search"


class Found(Struct, frozen=True):
    """A call of any tenant, as a list of all says it; name: the tenant's."""

    tenant_id: str
    usage_date: date
    created_at: datetime
    source: str
    call_id: str
    name: str | None
    agent: str | None
    outcome: str
    end_group: str | None
    campaign_id: str | None
    campaign: str | None
    connected_seconds: Decimal | None
    started_at: datetime | None

    @property
    def place(self) -> Place:
        """Where it stands among its tenant's calls."""
        return Place(self.usage_date, self.created_at, self.source, self.call_id)


def search(
    connection: Connection, tenant_id: str, filters: Filters, after: Place | None, limit: int, *, is_tenant: bool
) -> list[Key]:
    """The next calls that hold the words of the filters, newest first. is_tenant: the connection is that tenant's."""
    asked = {**listing(tenant_id, filters, after, limit), "words": filters.words}
    name = "searched" if is_tenant else "searched_of"
    return [(row["usage_date"], row["source"], row["call_id"]) for row in rows(connection, FILE, name, **asked)]


def search_all(connection: Connection, filters: Filters, after: tuple[str, Place] | None, limit: int) -> list[Found]:
    """The next calls of all tenants that hold the words, newest first, after a tenant's place in that list. The audit
    log says who asked. Of the filters, those that mean the same in every tenant count.
    """
    tenant, place = after or (None, None)
    asked = {
        **listing("", filters, place, limit),
        "words": filters.words,
        "after_tenant": tenant,
        "languages": call_results.languages(connection),
    }
    return msgspec.convert(rows(connection, FILE, "searched_all", **asked), list[Found])

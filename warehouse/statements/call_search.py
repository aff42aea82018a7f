"""Calls by the words that were said in them: of a tenant as that tenant, or of one as an operator; of nobody else.

Words are matched as they are written, in any case: `plumber "monday morning" -voicemail or cancel`.
"""

from warehouse.database.queries import Connection, rows
from warehouse.statements.calls import Filters, Key, Place, listing

FILE = "statements/call_search"


def search(
    connection: Connection, tenant_id: str, filters: Filters, after: Place | None, limit: int, *, is_tenant: bool
) -> list[Key]:
    """The next calls that hold the words of the filters, newest first. is_tenant: the connection is that tenant's."""
    asked = {**listing(tenant_id, filters, after, limit), "words": filters.words}
    name = "searched" if is_tenant else "searched_of"
    return [(row["usage_date"], row["source"], row["call_id"]) for row in rows(connection, FILE, name, **asked)]

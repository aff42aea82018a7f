"""One statement with everything that explains it, as the marts have it."""

from datetime import date

from warehouse.database.queries import Connection, Row, first, rows

FILE = "statements/statement"


def read(
    connection: Connection, tenant_id: str, period_start: date, *, with_costs: bool, with_calls: bool
) -> Row | None:
    """Its columns, former_start and former_total of the tenant's period before, and as lists of rows: lines, days,
    costs, margins, usage, calls, of which those not asked for are empty. None where there is none that the role may
    see.

    with_costs needs a role that may see what providers charge.
    """
    found = rows(connection, FILE, "statement", tenant_id=tenant_id, period_start=period_start)
    if not found or found[0]["period_start"] != period_start:
        return None
    now, former = found[0], (found[1] if len(found) > 1 else None)
    former_start = former["period_start"] if former else None
    window = {"tenant_id": tenant_id, "period_start": period_start, "period_end": now["period_end"]}

    def read_all(name: str, wanted: bool = True, **more: object) -> list[Row]:
        return rows(connection, FILE, name, **window, **more) if wanted else []

    return {
        **now,
        "former_start": former_start,
        "former_total": former["total"] if former else None,
        "lines": read_all("lines", former_start=former_start),
        "days": read_all("overages"),
        "costs": read_all("costs", with_costs),
        "margins": read_all("margin", with_costs),
        "usage": read_all("usage", with_calls),
        "calls": read_all("calls", with_calls),
    }


def tenant(connection: Connection, tenant_id: str) -> Row | None:
    """A tenant's tenant_id, name and currency, where the role may see it."""
    return first(connection, FILE, "tenant", tenant_id=tenant_id)

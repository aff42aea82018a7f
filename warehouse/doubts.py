"""What makes a complete statement doubtful: it moved a lot against the last, or a provider's own total disagrees."""

from datetime import date
from decimal import Decimal

from warehouse.control.changes import Connection, rows

FILE = "doubts"
MOVED_SHARE = Decimal("0.5")  # of the former statement's recurring amount


def doubts(connection: Connection, tenant_id: str, period_start: date, period_end: date) -> list[tuple[str, str]]:
    """(what is doubtful, what to do) of a statement; a person looks at it, and overrides with a reason."""
    window = {"tenant_id": tenant_id, "period_start": period_start, "period_end": period_end}
    look = f"minutebook review {period_start:%Y-%m} --tenant {tenant_id} --lines"
    found = []
    for total in rows(connection, FILE, "totals_that_disagree", **window):
        found.append(
            (
                f"{total['source']} says {total['name']} {total['provider_says']} on {total['usage_date']}, "
                f"its rows say {total['counted'] or 0}",
                f"minutebook pull --tenant {tenant_id} --source {total['source']} --from {total['usage_date']} "
                f"--to {total['usage_date']}",
            )
        )
    whole = rows(connection, FILE, "moved", tenant_id=tenant_id, period_start=period_start)
    if len(whole) == 2 and whole[0]["period_start"] == period_start:
        now, before = whole[0]["amount"], whole[1]["amount"]
        if abs(now - before) > MOVED_SHARE * before:
            share = f"{(now - before) / before * 100:+.0f} %" if before else "from nothing"
            found.append((f"moved from {before} to {now} {whole[0]['currency']} ({share})", look))
    return found

"""Invoice items that another account or mode of Stripe's accepted: what was not billed there is due again here.

| there, as last read                                       | here                                              |
|-----------------------------------------------------------|---------------------------------------------------|
| test mode                                                 | due again: nobody was ever billed                 |
| on a final invoice, or a credit note                      | billed: it stays                                  |
| pending, and no invoice can have been made since          | due again                                         |
| on a draft or void, or an invoice may have been made since| a person looks there, then accepts or settles it  |

Nothing is sent again by itself: `minutebook post --resend` does it, for items as for days of usage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import psycopg

from orchestration.stripe_billing.invoices.beside import FINAL
from orchestration.stripe_billing.invoices.cycles import cycle
from orchestration.stripe_billing.invoices.findings import Row
from warehouse.stripe import invoice_items
from warehouse.stripe.accounts import Account
from warehouse.words import day

Verdict = Literal["due", "billed", "unknown"]


@dataclass(frozen=True, slots=True)
class ItemsResent:
    """due: items that are added here by the next posting; kept: those that stay, each with the reason."""

    due: list[str]
    kept: list[tuple[str, str]]


def verdict(item: Row, anchor_day: int, today: date) -> Verdict:
    """What becomes here of an accepted item of another account: by what it was there when it was last read."""
    if not item["is_live"]:
        return "due"
    if item["item_kind"] == "credit_note" or item["there"] in FINAL:
        return "billed"
    _, turn = cycle(item["there_at"].date(), anchor_day)
    return "due" if item["there"] == "pending" and today < turn else "unknown"


def where(item: Row) -> str:
    """The account and mode that hold it, and what it was there, in words."""
    account = Account(item["stripe_account"], item["is_live"])
    return f"{item['stripe_id']} of {account}, {item['there']} when it was read on {day(item['there_at'])}"


def resend_items(
    connection: psycopg.Connection[Any],
    now: datetime,
    tenant_ids: Sequence[str] | None = None,
    *,
    dry_run: bool = False,
) -> ItemsResent:
    """Count as lost what another account holds and has not billed, so that the next run adds it here."""
    resent = ItemsResent([], [])
    for row in invoice_items.items_elsewhere(connection, tenant_ids):
        line = row["line_id"]
        match verdict(row, row["anchor_day"], now.date()):
            case "due":
                resent.due.append(line)
                if not dry_run:
                    cause = f"It was {where(row)}, and a person had it added here: delete it there."
                    invoice_items.lose(connection, [row["identifier"]], "held_elsewhere", cause)
            case "billed":
                resent.kept.append((line, f"{where(row)}: billed there"))
            case "unknown":
                resent.kept.append((line, f"{where(row)}: {decides(line)}"))
    return resent


def decides(line: str) -> str:
    """What a person does who looked in the other account."""
    return (
        f"look there. If it was billed: `minutebook stripe accept {line} --reason REASON`; if not:"
        f" `minutebook stripe settle {line} --apply`"
    )

"""The close of a month as a checklist: what is done of each step, and where the rest is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.database.queries import Row
from warehouse.statements.periods import Month


@dataclass(frozen=True)
class Step:
    """One step: how many of how many are done, and where the rest is."""

    words: str
    done: int
    of: int
    link: str

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is left; of a step that nothing is known of yet, something is."""
        return self.of > 0 and self.done == self.of


def steps(
    month: Month,
    found: Sequence[Row],
    lines: Sequence[Row],
    paid: Mapping[tuple[str, date], Sequence[Row]],
    *,
    has_stripe: bool,
) -> list[Step]:
    """The steps of a month, of its periods that have ended; none while all of them are running.

    found: its statements, as the page lists them; lines: of its final invoices; paid: the invoices of each statement.
    """
    ended = [row for row in found if row["standing"] != "running"]
    if not ended:
        return []
    of, page = len(ended), f"/periods?month={month}"
    approved = sum(row["standing"] == "done" for row in ended)
    made = [
        Step("Every day is read", of - sum(row["has_days_missing"] for row in ended), of, "/days"),
        Step("Nothing blocks", of - sum(row["standing"] == "blocked" for row in ended), of, f"{page}&show=blocked"),
        Step("Costs are known", sum(row["margin"] is not None for row in ended), of, f"/costs?month={month}"),
        Step("Statements are approved", approved, of, f"{page}&show=decide"),
    ]
    if has_stripe or lines:
        invoices = {one["invoice_id"]: one for each in paid.values() for one in each if one["status"] != "void"}
        agreed = sum(not row["code"] and not row["waits"] for row in lines)
        was_paid = sum(one["status"] == "paid" for one in invoices.values())
        here = f"/invoices?month={month}"
        made += [
            Step("Final invoices agree", agreed, len(lines), here),
            Step("Invoices are paid", was_paid, len(invoices), f"{here}&show=unpaid"),
        ]
    return [*made, Step("Periods are closed", sum(row["state"] == "closed" for row in ended), of, f"{page}&show=done")]

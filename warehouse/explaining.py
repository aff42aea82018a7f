"""From a line of a statement to its price version, tenant-days, pulls, calls, and the provider's own ids and amounts.

Owns nothing; reads the marts and the ledger as they were last built. The parts of a line sum to it at every level, and
`Explanation.faults` says where they should not.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from warehouse.control.changes import Connection, Row, first, rows
from warehouse.errors import WarehouseError

FILE = "explain"
FROZEN = ("approved", "closed")


class NoSuchLine(WarehouseError):
    """The marts hold no statement line of that id."""


@dataclass(frozen=True)
class Explanation:
    """days, pulls and calls are as known now, of the line's own service period; empty for fees and credits.

    corrections: adjustments of this line. changed_pulls: what was published since the corrected line was frozen.
    """

    line: Row
    price: Row | None = None
    days: list[Row] = field(default_factory=list)
    pulls: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    corrections: list[Row] = field(default_factory=list)
    changed_pulls: list[Row] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Levels whose parts do not sum to the level above; none, or a defect."""
        found = []
        if self.days or self.line["line_kind"] == "overage":
            quantity = self.line["quantity"] + sum(row["quantity"] for row in self.corrections)
            of_days = sum(day["overage_quantity"] for day in self.days)
            if quantity != of_days:
                found.append(f"the line and its adjustments have {quantity} units, its days {of_days}")
            amount = sum((day["amount"] for day in self.days), Decimal(0))
            if (
                not self.corrections
                and self.line["period_state"] not in FROZEN
                and amount != self.line["unrounded_amount"]
            ):
                found.append(
                    f"the line amounts to {self.line['unrounded_amount']} before rounding, its days to {amount}"
                )
        for what, parts in (("pulls", self.pulls), ("calls", self.calls)):
            if parts:
                found += self._per_day(what, parts)
        return found

    def _per_day(self, what: str, parts: list[Row]) -> list[str]:
        found = []
        for day in self.days:
            quantity = sum(part["quantity"] for part in parts if part["usage_date"] == day["usage_date"])
            if quantity != day["quantity"]:
                found.append(f"{day['usage_date']} has {day['quantity']} units, its {what} {quantity}")
        return found


def explain(connection: Connection, line_id: str) -> Explanation:
    """Everything a line consists of. Raises NoSuchLine, naming lines of the same tenant."""
    line = first(connection, FILE, "line", line_id=line_id)
    if line is None:
        known = [row["line_id"] for row in rows(connection, FILE, "lines_like", line_id=line_id)]
        hint = f"; lines of that tenant: {', '.join(known)}" if known else ""
        raise NoSuchLine(f"no statement line {line_id}{hint}; all of them: minutebook review PERIOD --lines")
    price = first(connection, FILE, "price", price_id=line["price_id"]) if line["price_id"] else None
    if line["line_kind"] == "adjustment":
        about = {name: line[name] for name in (
            "tenant_id", "corrects_line_id", "service_period_start", "service_period_end", "meter_id"
        )}  # fmt: skip
        return Explanation(line, price, changed_pulls=rows(connection, FILE, "pulls_since", **about))
    corrections = rows(connection, FILE, "corrections", line_id=line_id)
    if line["line_kind"] != "overage":
        return Explanation(line, price, corrections=corrections)
    days = rows(connection, FILE, "days", line_id=line_id)
    window = {name: line[name] for name in ("tenant_id", "meter_id", "period_start", "period_end")}
    listed = [day["usage_date"] for day in days]
    pulls = [pull for pull in rows(connection, FILE, "pulls", **window) if pull["usage_date"] in set(listed)]
    is_voice = any(pull["source"] == "vapi" for pull in pulls)
    calls = rows(connection, FILE, "calls", days=listed, **window) if is_voice else []
    return Explanation(line, price, days, pulls, calls, corrections)

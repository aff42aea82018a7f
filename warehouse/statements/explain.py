"""From a line of a statement to its price version, tenant-days, pulls, and the provider's own ids and amounts.

Owns `ledger.line_days`, `line_pulls` and `line_objects`: what a line was made of is frozen with it, and explained from
there ever after, whatever is pulled again. Until then it is read from the marts as they were last built. The parts of
a line sum to it at every level, and `Explanation.faults` says where they should not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row, execute, first, load, rows
from warehouse.finding import Hint, Step
from warehouse.words import counted
from warehouse.words import day as in_words

FILE = "statements/explain"


class NoSuchLine(WarehouseError):
    """The marts hold no statement line of that id."""


@dataclass(frozen=True)
class Explanation:
    """days, pulls and objects (calls or rows of the provider) are those of the line; of an adjustment, those of the
    line it corrects as they are at its own time. All are empty for what no meter makes: fees, minimum, credits.

    days_before: of an adjustment, the days as they were frozen last. changed_pulls: the pulls that made it.
    corrections: adjustments of this line.
    """

    line: Row
    price: Row | None = None
    days: list[Row] = field(default_factory=list)
    days_before: list[Row] = field(default_factory=list)
    pulls: list[Row] = field(default_factory=list)
    objects: list[Row] = field(default_factory=list)
    corrections: list[Row] = field(default_factory=list)
    changed_pulls: list[Row] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Levels whose parts do not sum to the level above; none, or a defect."""
        return [*self._of_the_line(), *self._of_days(), *self._of_parts("pulls"), *self._of_parts("objects")]

    def _of_the_line(self) -> Iterator[str]:
        line = self.line
        exact, computed = line["unrounded_amount"], line["computed_amount"]
        if computed != exact:
            yield f"the line amounts to {exact:f} before rounding, what it was computed from to {computed:f}"
        if line["computed_quantity"] != line["quantity"]:
            units = counted(line["quantity"], "unit")
            yield f"the line has {units}, what it was computed from {line['computed_quantity']}"
        rounded = exact.quantize(Decimal(1).scaleb(line["amount"].as_tuple().exponent), ROUND_HALF_UP)
        if rounded != line["amount"]:
            yield f"the line amounts to {line['amount']:f}, which {exact:f} does not round to"

    def _of_days(self) -> Iterator[str]:
        if self.line["line_kind"] not in {"overage", "adjustment"} or not self.line["meter_id"]:
            return
        quantity = sum(day["overage_quantity"] for day in self.days)
        before = sum(day["overage_quantity"] for day in self.days_before)
        if quantity - before != self.line["quantity"]:
            less = f" less {before} before" if self.days_before else ""
            yield f"the line has {counted(self.line['quantity'], 'unit')}, its days {quantity}{less}"
        is_adjustment = self.line["line_kind"] == "adjustment"
        exact = self.line["rated_unrounded_amount" if is_adjustment else "unrounded_amount"]
        of_days = sum((day["amount"] for day in self.days), Decimal(0))
        if of_days != exact:
            yield f"the line amounts to {exact:f} before rounding, its days to {of_days:f}"

    def _of_parts(self, level: str) -> Iterator[str]:
        sums: dict[date, Decimal] = {}
        for part in getattr(self, level):
            sums[part["usage_date"]] = sums.get(part["usage_date"], Decimal(0)) + part["quantity"]
        for day in self.days:
            of_parts = sums.get(day["usage_date"], Decimal(0))
            if of_parts != day["quantity"]:
                yield f"{in_words(day['usage_date'])} has {counted(day['quantity'], 'unit')}, its {level} {of_parts}"


def explain(connection: Connection, line_id: str) -> Explanation:
    """Everything a line consists of. Raises NoSuchLine, naming lines of the same tenant."""
    line = first(connection, FILE, "line", line_id=line_id)
    if line is None:
        known = [row["line_id"] for row in rows(connection, FILE, "lines_like", line_id=line_id)]
        near = f"; lines of that tenant: {', '.join(known)}" if known else ""
        raise NoSuchLine(f"no statement line {line_id}{near}", Hint(Step.LIST_LINES))
    price = first(connection, FILE, "price", price_id=line["price_id"]) if line["price_id"] else None
    corrections = rows(connection, FILE, "corrections", line_id=line_id)
    if line["line_kind"] not in {"overage", "adjustment"}:
        return Explanation(line, price, corrections=corrections)
    before = _before(connection, line)
    days_before = rows(connection, FILE, "frozen_days", line_id=before["line_id"]) if before else []
    if line["is_frozen"]:
        days, pulls, objects = (
            rows(connection, FILE, name, line_id=line_id) for name in ("frozen_days", "frozen_pulls", "frozen_objects")
        )
        changed = rows(connection, FILE, "new_pulls", line_id=line_id)
    else:
        days, pulls, objects = _parts(connection, line)
        changed = _new_pulls(connection, line, before, pulls)
    return Explanation(line, price, days, days_before, pulls, objects, corrections, changed)


def freeze(connection: Connection, tenant_id: str, period_start: date) -> None:
    """Keep what the lines of a period just frozen were made of, from marts that know everything."""
    period = {"tenant_id": tenant_id, "period_start": period_start}
    execute(connection, FILE, "freeze_days", **period)
    sql = load(FILE)
    for line in rows(connection, FILE, "traced_lines", **period):
        of_line = {"line_id": line["line_id"], "tenant_id": tenant_id}
        before = _before(connection, line)
        _, pulls, objects = _parts(connection, line)
        new = _new_pulls(connection, line, before, pulls)
        known = {pull["pull_id"] for pull in new}
        kept = pulls if line["meter_id"] else new
        with connection.cursor() as cursor:
            cursor.executemany(
                sql["freeze_pull"], [{**pull, **of_line, "is_new": pull["pull_id"] in known} for pull in kept]
            )
            cursor.executemany(sql["freeze_object"], [{**one, **of_line} for one in objects])


def release(connection: Connection, tenant_id: str, period_start: date) -> None:
    """Forget what the lines of a period that is reopened were made of."""
    for name in ("release_days", "release_pulls", "release_objects"):
        execute(connection, FILE, name, tenant_id=tenant_id, period_start=period_start)


def _parts(connection: Connection, line: Row) -> tuple[list[Row], list[Row], list[Row]]:
    """Days, pulls and objects as the marts have them, of the line or of the one it corrects."""
    if not line["meter_id"]:
        return [], [], []
    about = {name: line[name] for name in ("tenant_id", "meter_id", "service_period_start", "service_period_end")}
    about["line_id"] = line["corrects_line_id"] or line["line_id"]
    days, pulls, objects = (rows(connection, FILE, name, **about) for name in ("days", "pulls", "objects"))
    return days, pulls, objects


def _before(connection: Connection, line: Row) -> Row | None:
    if line["line_kind"] != "adjustment":
        return None
    about = {name: line[name] for name in ("line_id", "tenant_id", "corrects_line_id")}
    return first(connection, FILE, "frozen_before", **about)


def _new_pulls(connection: Connection, line: Row, before: Row | None, pulls: list[Row]) -> list[Row]:
    """The pulls that made an adjustment: not known when the corrected line, or its last adjustment, was frozen."""
    if before is None:
        return []
    if not line["meter_id"]:
        about = {name: line[name] for name in ("tenant_id", "service_period_start", "service_period_end")}
        return rows(connection, FILE, "pulls_since", frozen_at=before["frozen_at"], **about)
    if before["line_id"] is None:
        return [pull for pull in pulls if pull["pulled_at"] > before["frozen_at"]]
    known = {row["pull_id"] for row in rows(connection, FILE, "frozen_pulls", line_id=before["line_id"])}
    return [pull for pull in pulls if pull["pull_id"] not in known]

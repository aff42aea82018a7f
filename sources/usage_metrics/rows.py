"""Rows of agent_usage_metrics, checked one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from sources.checks.allowed import OPEN, PLAIN, Allowed
from sources.checks.bounds import exact, fault_of_cost, fault_of_quantity, fault_of_text
from sources.checks.quarantine import TOO_DEEP, Quarantined, digest
from sources.personal import NOBODYS, Choices, Document, minimised
from sources.reading import storable

# What no choice and no retention period touches.
FACTS = ("agent_id", "metric_type", "quantity", "cost_usd", "created_at")
ROW = Allowed({**dict.fromkeys(FACTS, PLAIN), "metadata": OPEN})


def kept_of(document: Document, choices: Choices) -> Document:
    """The row as it may be stored under these choices: its metadata may hold anything, so it is looked through like a
    call. Safe to repeat; facts stay byte for byte.
    """
    facts = {name: value for name, value in document.items() if name in FACTS}
    besides = {name: value for name, value in document.items() if name not in FACTS}
    for name, value in besides.items():
        if bytes(value).startswith(b"{"):
            reported = _FIELDS.decode(value)
            left = minimised(reported, choices)
            besides[name] = value if left == reported else msgspec.Raw(_ENCODE(left))
    return facts | minimised(besides, choices)


@dataclass
class Rows:
    """Columns of raw_usage_metrics.metrics, filled row by row from a stream; payloads as they may be stored."""

    choices: Choices
    agents: list[str] = field(default_factory=list)
    metric_types: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)
    recorded: list[datetime] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    odd: list[Quarantined] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    new_fields: set[str] = field(default_factory=set)
    cost: Decimal = Decimal(0)

    def add(
        self, agent_id: Any, metric_type: Any, quantity: Any, created_at: datetime, payload: str, cost: Any
    ) -> None:
        """Take a row, or set it aside: for a quantity that is negative, fractional or missing, a cost that is no
        number. Its metadata is not quoted: it may be personal.
        """
        reported = storable(payload.encode())
        try:
            if fault := _fault(agent_id, metric_type, quantity, cost):
                self._set_aside(agent_id, metric_type, created_at, reported, fault)
                return
            stored = _ENCODE(ROW.kept(kept_of(_FIELDS.decode(reported), self.choices), self.new_fields))
            content = _SORTED(_DECODE(reported))
        except RecursionError:
            self._set_aside(agent_id, metric_type, created_at, reported, TOO_DEEP)
            return
        except msgspec.ValidationError as error:
            self._set_aside(agent_id, metric_type, created_at, reported, str(error))
            return
        self.agents.append(str(agent_id) if agent_id is not None else "")
        self.metric_types.append(str(metric_type))
        self.quantities.append(int(quantity))
        self.recorded.append(created_at.astimezone(UTC))
        self.contents.append(content)
        self.payloads.append(stored)
        self.cost += Decimal(cost) if cost is not None else Decimal(0)

    def _set_aside(self, agent_id: Any, metric_type: Any, created_at: datetime, reported: bytes, reason: str) -> None:
        try:
            payload = _ENCODE(ROW.kept(kept_of(_FIELDS.decode(reported), NOBODYS), set())).decode()
        except RecursionError:
            payload = None
        at = created_at.astimezone(UTC)
        self.odd.append(
            Quarantined(
                f"{str(agent_id or 'no agent')[:100]}/{str(metric_type)[:100]}/{at:%H:%M:%S}/{digest(reported)}",
                reason,
                reported,
                scopes={"usage_agent": str(agent_id)} if agent_id is not None else {},
                payload=payload,
                at=at,
            )
        )

    def keys(self) -> Iterator[str]:
        for agent, metric_type, at in zip(self.agents, self.metric_types, self.recorded, strict=True):
            yield f"{agent}/{metric_type}/{at.isoformat()}"

    def content(self) -> Iterator[bytes]:
        """All that was told counts, stored or not: another choice does not restate a day. Fields in one order, numbers
        with the digits they have.
        """
        yield from self.contents
        for row in self.odd:
            yield row.fingerprint.encode()

    def table(self) -> pa.Table:
        return pa.table(
            {
                "usage_agent_id": pa.array(self.agents, pa.string()),
                "metric_type": pa.array(self.metric_types, pa.string()),
                "quantity": pa.array(self.quantities, pa.int64()),
                "recorded_at": pa.array(self.recorded, pa.timestamp("us", tz="UTC")),
                "payload": pa.array(self.payloads, pa.string()),
            }
        )


def _fault(agent_id: Any, metric_type: Any, quantity: Any, cost: Any) -> str | None:
    quantity = Decimal(quantity) if quantity is not None else None
    if quantity is None or not quantity.is_finite() or quantity != quantity.to_integral_value():
        return f"its quantity is no whole number but {quantity}"
    if not metric_type:
        return "its metric_type is missing"
    return (
        fault_of_quantity("quantity", quantity)
        or fault_of_cost("cost_usd", cost)
        or fault_of_text("metric_type", str(metric_type))
        or fault_of_text("agent_id", None if agent_id is None else str(agent_id))
    )


_FIELDS = msgspec.json.Decoder(Document)
_ENCODE = msgspec.json.encode
_DECODE = msgspec.json.Decoder(float_hook=exact).decode
_SORTED = msgspec.json.Encoder(order="sorted", decimal_format="number").encode

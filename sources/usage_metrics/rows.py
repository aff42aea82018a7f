"""Rows of agent_usage_metrics, checked one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from sources.errors import ContractBroken
from sources.reading import storable

LARGEST = 2**63 - 1


@dataclass
class Rows:
    """Columns of raw_usage_metrics.metrics, filled row by row from a stream."""

    agents: list[str] = field(default_factory=list)
    metric_types: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)
    recorded: list[datetime] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    cost: Decimal = Decimal(0)

    def add(
        self, agent_id: Any, metric_type: Any, quantity: Any, created_at: datetime, payload: str, cost: Any
    ) -> None:
        """ContractBroken, quoting the row, for a quantity that is negative, fractional or missing, or a cost that is
        no number.
        """
        quantity = Decimal(quantity) if quantity is not None else None
        if quantity is None or not quantity.is_finite() or quantity != quantity.to_integral_value():
            raise ContractBroken(f"agent_usage_metrics: the quantity is no whole number in {payload[:400]}")
        if not 0 <= quantity <= LARGEST:
            raise ContractBroken(f"agent_usage_metrics: the quantity is out of range in {payload[:400]}")
        if not metric_type:
            raise ContractBroken(f"agent_usage_metrics: the metric_type is missing in {payload[:400]}")
        cost = Decimal(cost) if cost is not None else Decimal(0)
        if not cost.is_finite():
            raise ContractBroken(f"agent_usage_metrics: the cost_usd is no number in {payload[:400]}")
        self.agents.append(str(agent_id) if agent_id is not None else "")
        self.metric_types.append(str(metric_type))
        self.quantities.append(int(quantity))
        self.recorded.append(created_at.astimezone(UTC))
        self.payloads.append(storable(payload.encode()))
        self.cost += cost

    def keys(self) -> Iterator[str]:
        for agent, metric_type, at in zip(self.agents, self.metric_types, self.recorded, strict=True):
            yield f"{agent}/{metric_type}/{at.isoformat()}"

    def content(self) -> Iterator[bytes]:
        """Everything in a row is billed or costed, so all of it counts; fields in one order, numbers with the digits
        they have.
        """
        for payload in self.payloads:
            yield _SORTED(_DECODE(payload))

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


_DECODE = msgspec.json.Decoder(float_hook=Decimal).decode
_SORTED = msgspec.json.Encoder(order="sorted", decimal_format="number").encode

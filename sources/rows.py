"""Rows of a contract from a provider's answer: checked one by one, kept as their tenant chose, counted and hashed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from sources.checks.allowed import Allowed
from sources.checks.bounds import LONGEST_CALL, exact, fault_of_cost, fault_of_quantity, fault_of_text, fault_of_time
from sources.checks.quarantine import Quarantined, digest, each_named_once, refuse_another_contract
from sources.checks.undocumented import Undocumented, kind_of
from sources.contracts import (
    AMOUNT_UNITS,
    CALLS,
    CONTRACTS,
    COSTS,
    DIRECTIONS,
    END_GROUPS,
    GRAINS,
    PAYERS,
    SERVICES,
    STATES,
    TRAFFICS,
    USAGE,
    Column,
    Contract,
    Kind,
)
from sources.day import Day
from sources.errors import ContractBroken
from sources.personal import NOBODYS, Choices, Document
from sources.reading import Reading, hash_rows, storable
from sources.results import MEMBERS, Result, hash_results
from sources.source import Source
from sources.text import said_moment

T = TypeVar("T")
_ENCODE = msgspec.json.Encoder(decimal_format="number", order="sorted").encode
_FIELDS = msgspec.json.Decoder(Document).decode
_ARROW = {Kind.BIGINT: pa.int64(), Kind.BOOLEAN: pa.bool_(), Kind.DATE: pa.date32()}
_TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.BIGINT: (int,),
    Kind.NUMERIC: (Decimal, int),
    Kind.BOOLEAN: (bool,),
    Kind.DATE: (date,),
    Kind.TIMESTAMP: (datetime,),
    Kind.JSON: (dict, list),
}
_SETS = {
    ("calls", "state"): STATES,
    ("calls", "direction"): DIRECTIONS,
    ("calls", "end_group"): END_GROUPS,
    ("usage", "traffic"): TRAFFICS,
    ("costs", "grain"): GRAINS,
    ("costs", "payer"): PAYERS,
    ("costs", "amount_unit"): tuple(AMOUNT_UNITS),
    ("costs", "service"): SERVICES,
}
_OF_THE_ANSWER = frozenset({"as_of", "final_after"})
"""Columns that say when a row was answered, and nothing of what it says: no other content."""


def parser(kind: type[T]) -> Callable[[bytes], T]:
    """What makes a `kind` of an answer's JSON, its numbers as they were written: Decimal, never float.

    It raises msgspec.DecodeError where the answer is of another shape, which the client takes for a broken contract.
    """
    decoder = msgspec.json.Decoder(kind, float_hook=exact)
    return lambda body: decoder.decode(storable(body))


def moment(text: str | None) -> datetime | None:
    """An instant as ISO 8601 with its zone; None for none. Undocumented for anything else."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Undocumented(f"{kind_of(text)} stands where a time is") from None
    if at.tzinfo is None:
        raise Undocumented("a time names no time zone")
    return at


@dataclass(frozen=True)
class Row:
    """One row: its values by column of the contract, and the part of the answer it was made from.

    `fault` says what is wrong with it, where whoever made it found something: it is set aside by itself. `result`: of a
    call, what came of it; it is stored beside the answer, as the tenant chose, and so it is no part of the answer.
    """

    values: Mapping[str, Any]
    answer: Mapping[str, Any]
    fault: str | None = None
    result: Result | None = None

    @property
    def told(self) -> Mapping[str, Any]:
        """What is stored of it, before anybody chose."""
        return {**self.answer, **self.result.members()} if self.result else self.answer


def reading(
    source: Source, rows: Iterable[Row], day: Day, *, provider_totals: Mapping[str, Decimal] | None = None
) -> Reading:
    """The day's rows of a source whose rows are its contract's. A row that breaks the contract is set aside;
    ContractBroken where most of them do, and where two rows have one key: neither may be lost.
    """
    contract = CONTRACTS[source.contract or ""]
    good: list[tuple[Mapping[str, Any], bytes]] = []
    odd: list[Quarantined] = []
    new_fields: set[str] = set()
    for row in rows:
        fault = row.fault or _fault(contract, row.values, day)
        if fault:
            odd.append(_set_aside(source, contract, row, fault))
        else:
            choices = day.choices_of(_scopes(row.values))
            values = row.values
            if contract is COSTS:
                values = {"final_after": source.final_after(day.usage_date), **values}
            good.append((values, _kept(source, row.told, choices, new_fields)))
    refuse_another_contract(f"contract {contract.name}", odd, len(good))
    keys = [_key(contract, values) for values, _ in good]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ContractBroken(f"two rows are told apart by nothing: {twice}")
    kinds = {column.name: column.kind for column in contract.columns}
    texts = [name for name in contract.key if kinds[name] is not Kind.TIMESTAMP]
    named = {"/".join(_text(values[name]) for name in texts if values.get(name) is not None) for values, _ in good}
    odd_rows = each_named_once(odd)
    content = [
        _ENCODE({name: value for name, value in values.items() if name not in _OF_THE_ANSWER}) for values, _ in good
    ]
    return Reading(
        table=_table(contract, good),
        keys=frozenset(named) | {row.item for row in odd_rows},
        content_hash=hash_rows([*content, *(row.fingerprint.encode() for row in odd_rows)]),
        is_incomplete=any(values.get("state") == "in progress" for values, _ in good),
        windows=(day.window,),
        requests=1,
        totals=_totals(contract, [values for values, _ in good]),
        provider_totals=dict(provider_totals) if provider_totals is not None else None,
        new_fields=frozenset(new_fields),
        quarantined=odd_rows,
        results_hash=_results_hash(contract, good),
    )


def _results_hash(contract: Contract, rows: Iterable[tuple[Mapping[str, Any], bytes]]) -> str | None:
    if contract is not CALLS:
        return None
    told = ((values["call_id"], _FIELDS(payload)) for values, payload in rows)
    return hash_results(
        (call_id, [(name, bytes(kept[name])) for name in MEMBERS if name in kept]) for call_id, kept in told
    )


def _fault(contract: Contract, values: Mapping[str, Any], day: Day) -> str | None:
    """What is wrong with a row."""
    known = {column.name for column in contract.columns}
    if unknown := sorted(values.keys() - known):
        return f"{unknown[0]} is no column of {contract.name}"
    for column in contract.columns:
        if fault := _fault_of_value(contract, column, values.get(column.name)):
            return fault
    if (values.get("cost", values.get("amount")) is None) != (values.get("currency") is None):
        return "money has a currency, and a currency money"
    if contract is CALLS:
        return _fault_of_call(values, day)
    if contract is USAGE:
        return _fault_of_usage(values)
    return _fault_of_cost(values) if contract is COSTS else None


def _fault_of_value(contract: Contract, column: Column, value: Any) -> str | None:
    name = column.name
    if value is None:
        return f"its {name} is missing" if column.is_required else None
    if not isinstance(value, _TYPES[column.kind]) or (isinstance(value, bool) and column.kind is not Kind.BOOLEAN):
        return f"its {name} is no {column.kind} but {type(value).__name__}"
    if (allowed := _SETS.get((contract.name, name))) and value not in allowed:
        return f"its {name} is none of {', '.join(allowed)}"
    if isinstance(value, datetime):
        return fault_of_time(name, value) if value.tzinfo else f"its {name} names no time zone"
    if isinstance(value, str):
        return fault_of_text(name, value)
    if column.kind is not Kind.NUMERIC:
        return None
    number = Decimal(str(value))
    is_quantity = name == "quantity" and number.is_finite()
    return fault_of_quantity(name, number) if is_quantity else fault_of_cost(name, number)


def _fault_of_call(values: Mapping[str, Any], day: Day) -> str | None:
    start, end = values.get("started_at"), values.get("ended_at")
    if values["created_at"] not in day.window:
        return f"it was created on {said_moment(values['created_at'])}, and counts on that day alone"
    if start and end and not start <= end <= start + LONGEST_CALL:
        return f"it lasted from {said_moment(start)} to {said_moment(end)}"
    if any(not isinstance(value, str) for value in values["scopes"].values()):
        return "its scopes are no object of texts"
    for item in values["cost_items"]:
        if not isinstance(item, dict) or not isinstance(item.get("component"), str):
            return "a cost item names no component"
        if isinstance(item.get("cost"), str | float | bool) or fault_of_cost("cost item", item.get("cost")):
            return f"the cost of {item['component']} is no number"
        used = item.get("quantity")
        if isinstance(used, str | float | bool) or (used is not None and fault_of_quantity("quantity", Decimal(used))):
            return f"the quantity of {item['component']} is no number of 0 or more"
        if (used is None) != (item.get("unit") is None):
            return f"a quantity has a unit, and a unit a quantity: {item['component']}"
    return None


def _fault_of_cost(values: Mapping[str, Any]) -> str | None:
    ref, parent = values.get("call_ref"), values.get("parent_ref")
    is_detail = values["grain"] == "call"
    if is_detail != (ref is not None):
        return "a row of grain call names what was charged in call_ref, and no other does"
    if parent is not None and (not is_detail or parent == ref):
        return "its parent_ref is of grain call alone, and names another than call_ref"
    if values.get("is_pending") and (not is_detail or values.get("amount") is not None):
        return "what is not rated yet is of grain call and has no amount"
    return None


def _fault_of_usage(values: Mapping[str, Any]) -> str | None:
    quantity = Decimal(values["quantity"])
    if quantity != quantity.to_integral_value():
        return f"its quantity is no whole number but {quantity}: name a smaller unit"
    if (values.get("scope_kind") is None) != (values.get("scope_ref") is None):
        return "a scope has a kind and a value"
    if any(not isinstance(value, str) for value in values["attributes"].values()):
        return "its attributes are no object of texts"
    return None


def _kept(source: Source, answer: Mapping[str, Any], choices: Choices, new_fields: set[str]) -> bytes:
    document = source.minimise(_FIELDS(storable(_ENCODE(dict(answer)))), choices)
    return msgspec.json.encode((source.stored or Allowed({})).kept(document, new_fields, is_typed=False))


def _scopes(values: Mapping[str, Any]) -> dict[str, str]:
    """By what a row may be attached: kind to value."""
    found = values.get("scopes")
    if not isinstance(found, dict):
        found = {values.get("scope_kind"): values.get("scope_ref")}
    return {kind: value for kind, value in found.items() if isinstance(kind, str) and isinstance(value, str)}


def _set_aside(source: Source, contract: Contract, row: Row, fault: str) -> Quarantined:
    content = _ENCODE(dict(row.answer))
    name = row.values.get(contract.key[0]) if len(contract.key) == 1 else None
    return Quarantined(
        item=name if isinstance(name, str) and name else digest(content),
        reason=fault,
        content=content,
        scopes=_scopes(row.values),
        payload=_kept(source, row.answer, NOBODYS, set()).decode(),
        totals={"calls": Decimal(1)} if contract is CALLS else {},
    )


def _key(contract: Contract, values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple("" if values.get(name) is None else _text(values[name]) for name in contract.key)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _ENCODE(value).decode()


def _totals(contract: Contract, rows: list[Mapping[str, Any]]) -> dict[str, Decimal]:
    counted = {"calls" if contract is CALLS else "rows": Decimal(len(rows))}
    money = "amount" if contract is COSTS else "cost"
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row.get(money) is not None and row.get("grain") != "call":
            sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row[money])
    # Two currencies have no sum.
    return counted | {money if len(sums) == 1 else f"{money}_{currency}": total for currency, total in sums.items()}


def _table(contract: Contract, rows: list[tuple[Mapping[str, Any], bytes]]) -> pa.Table:
    columns = {}
    for column in contract.columns:
        values = [row.get(column.name) for row, _ in rows]
        if column.kind is Kind.JSON:
            values = [None if value is None else _ENCODE(value).decode() for value in values]
        elif column.kind is Kind.NUMERIC:
            values = [None if value is None else f"{Decimal(value):f}" for value in values]
        kind = pa.timestamp("us", tz="UTC") if column.kind is Kind.TIMESTAMP else _ARROW.get(column.kind, pa.string())
        columns[column.name] = pa.array(values, kind)
    return pa.table({**columns, "payload": pa.array([payload.decode() for _, payload in rows], pa.string())})

"""Every field that Vapi's own SDK knows of a call is kept by our contract, or known to be dropped."""

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

from sources.checks.allowed import ANY_NAME, Leaf
from sources.vapi.contract import CALL

DROPPED = [
    line
    for line in Path(__file__).with_name("vapi_dropped.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def models(annotation: Any) -> Iterator[type[pydantic.BaseModel]]:
    """The SDK's classes within an annotation: of a list, a union, or none."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models(part)


def missing(annotation: Any, shape: Any, path: str) -> Iterator[str]:
    """Fields of the SDK that the contract does not name, below those that it takes apart."""
    shape = shape[0] if isinstance(shape, list) else shape
    if isinstance(shape, Leaf):
        return
    for model in models(annotation):
        for name, field in model.model_fields.items():
            at = f"{path}.{field.alias or name}".lstrip(".")
            inner = shape.get(field.alias or name, shape.get(ANY_NAME))
            if inner is None:
                yield at
            else:
                yield from missing(field.annotation, inner, at)


def is_of(field: str, entry: str) -> bool:
    """Whether an entry of the list names a field, or a place above it."""
    return field.startswith(entry[:-1]) if entry.endswith(".*") else field == entry


def test_every_field_of_vapis_sdk_is_kept_or_known_to_be_dropped() -> None:
    from vapi.types import Call  # six seconds, which collecting the tests need not pay

    found = set(missing(Call, CALL.shape, ""))
    assert len(found) > 500
    known = {entry: {at for at in found if is_of(at, entry)} for entry in DROPPED}
    assert sorted(found - set().union(*known.values())) == []
    assert [entry for entry, of in known.items() if not of] == [], "no field of the SDK any more, or kept by now"
    assert sorted(DROPPED) == DROPPED

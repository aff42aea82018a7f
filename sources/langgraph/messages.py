"""Tokens in what a node wrote: msgpack read as plain data. Nothing that the data names is imported, called or made.

LangGraph's own decoder imports the class that an extension names; here an extension is the list that it holds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

# Of langgraph.checkpoint.serde.jsonplus: arguments of a constructor, 4 and 5 the fields of a pydantic model.
_NESTED = range(6)
_MODELS = (4, 5)
_ANSWERS = ("AIMessage", "AIMessageChunk")
_DEEPEST = 200
_OF_A_RUN = re.compile(r"(?:lc_)?run-{1,2}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-\d+)?")


class Unreadable(ValueError):
    """What was written is no msgpack, or nested deeper than any state is."""


@dataclass(frozen=True)
class Spent:
    """Tokens of one call of a model. `key` is the message's id, or a digest of one without; `model` as its provider
    names it, None where it does not. The parts add up to the total: what was read from a cache is no `input`.
    """

    key: str
    model: str | None
    input: int
    cache_read: int
    output: int

    @property
    def run_id(self) -> str | None:
        """The run id of the call, under which a callback pushes it; None where the provider names messages itself."""
        found = _OF_A_RUN.fullmatch(self.key)
        return found[1] if found else None

    @property
    def by_kind(self) -> Mapping[str, int]:
        return {"input": self.input, "cache_read": self.cache_read, "output": self.output}


@dataclass(frozen=True)
class _Extension:
    code: int
    parts: Any
    content: bytes


def spent_in(content: bytes) -> list[Spent]:
    """Each answer of a model in a write that names its usage. Raises Unreadable."""
    try:
        return [found for message in _messages(_decode(content), 0) if (found := _spent(message)) is not None]
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(type(error).__name__) from None


def _extended(code: int, content: memoryview) -> _Extension:
    held = bytes(content)
    return _Extension(code, _decode(held) if code in _NESTED else None, held)


_decode = msgspec.msgpack.Decoder(ext_hook=_extended).decode


def _messages(value: Any, depth: int) -> Iterator[_Extension]:
    if depth > _DEEPEST:
        raise Unreadable("nested too deep")
    if isinstance(value, _Extension):
        parts = value.parts
        if value.code in _MODELS and isinstance(parts, list) and len(parts) > 2 and parts[1] in _ANSWERS:
            yield value
        else:
            yield from _messages(parts, depth + 1)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _messages(part, depth + 1)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _messages(part, depth + 1)


def _spent(message: _Extension) -> Spent | None:
    fields = message.parts[2]
    usage = fields.get("usage_metadata") if isinstance(fields, Mapping) else None
    if not isinstance(usage, Mapping):
        return None
    details = usage.get("input_token_details")
    cached = details.get("cache_read") if isinstance(details, Mapping) else None
    taken, given = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    cache_read = 0 if cached is None else _count(cached)
    if cache_read > taken:
        raise Unreadable("more tokens were read from a cache than went in")
    named, told = fields.get("id"), fields.get("response_metadata")
    model = told.get("model_name") or told.get("model") if isinstance(told, Mapping) else None
    return Spent(
        named if isinstance(named, str) and named else sha256(message.content).hexdigest(),
        model if isinstance(model, str) else None,
        taken - cache_read,
        cache_read,
        given,
    )


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unreadable("a number of tokens is no whole number of 0 or more")
    return value

"""What of a provider's answer may be stored: the fields of its contract, at any depth, and nothing else.

A source writes its contract down as a shape. What is in no shape is dropped, and its path is reported, never its value:
a new field is seen, a secret is not stored. Values that may stay are left byte for byte. Where a contract leaves open
what comes (metadata of a caller's own making), everything may come but what is named like a secret.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any, Literal, TypeAlias

import msgspec

from sources.personal import Document


class Leaf(Enum):
    """PLAIN: a number, text, a boolean or nothing. OPEN: anything that is not named like a secret. LEFT_OUT: known, and
    stored for nobody.
    """

    PLAIN = "plain"
    OPEN = "open"
    LEFT_OUT = "left out"


PLAIN, OPEN, LEFT_OUT = Leaf.PLAIN, Leaf.OPEN, Leaf.LEFT_OUT
ANY_NAME = "*"
"""The name in a shape that stands for every name."""

Shape: TypeAlias = "Leaf | Mapping[str, Shape] | list[Shape]"

_SECRET = re.compile(
    r"secret|password|passwd|passphrase|authorization"
    r"|(?:token|(?:api|auth|access|private|signing|encryption)key|credentials?|cookies?|bearer|headers)$"
)
# What each of these names holds, in any case; an escape may hide one.
_MARKS = tuple(b"secret token key passw passph authorization credential cookie bearer headers \\u".split())
_NO_LETTER = re.compile(r"[^a-z0-9]")
_A_NAME = re.compile(r"[A-Za-z_$][\w$.-]{0,47}", re.ASCII)
_DEEPEST = 64
_GONE = None

_OBJECT = msgspec.json.Decoder(Document).decode
_LIST = msgspec.json.Decoder(list[msgspec.Raw]).decode
_TEXT = msgspec.json.Decoder(str).decode
_ENCODE = msgspec.json.encode


def fields(names: str) -> dict[str, Shape]:
    """A shape of plain fields, their names divided by spaces."""
    return dict.fromkeys(names.split(), PLAIN)


def is_secret(name: str) -> bool:
    """Whether what bears this name is never stored, whoever wants it."""
    return _SECRET.search(_NO_LETTER.sub("", name.casefold())) is not None


class Allowed:
    """The fields of one kind of row. Shared by threads; costs least where an answer is of the shape we know.

    `typed` are fields that whoever reads the row has found to be plain.
    """

    def __init__(self, shape: Mapping[str, Shape], typed: Collection[str] = ()) -> None:
        self.shape = shape
        self._typed = frozenset(typed)
        self._plain = frozenset(name for name, part in shape.items() if part is PLAIN)
        self._whole = {name: _Whole(part) for name, part in shape.items() if isinstance(part, Mapping | list)}

    def kept(self, document: Document, new_fields: set[str], *, is_typed: bool = True) -> Document:
        """The row with what may be stored of it; paths that are not of the contract are added to `new_fields`.

        `is_typed`: whoever read the row has found the typed fields to be so. Safe to repeat.
        """
        stored = {}
        for name, value in document.items():
            if is_typed and name in self._typed:
                stored[name] = value
                continue
            raw = bytes(value)
            if (name in self._plain and raw[:1] not in b"{[") or (
                (whole := self._whole.get(name)) is not None and whole.accepts(raw)
            ):
                stored[name] = value
            else:
                left = _left(raw, self.shape.get(name), _named(name), new_fields)
                if left is not _GONE:
                    stored[name] = msgspec.Raw(left)
        return stored


class _Whole:
    """Whether a value is of a shape through and through, so that all of it stays."""

    def __init__(self, shape: Shape) -> None:
        self._decode = msgspec.json.Decoder(_type_of(shape)).decode
        self._open_names = tuple(f'"{name}"'.encode() for name in _open_names(shape))

    def accepts(self, raw: bytes) -> bool:
        is_open = self._open_names and (b"\\u" in raw or any(name in raw for name in self._open_names))
        if is_open and (_may_hold_a_secret(raw) or _is_too_deep(raw, 0)):
            return False
        try:
            self._decode(raw)
        except msgspec.DecodeError:
            return False
        return True


def _type_of(shape: "Shape | None") -> Any:
    """What msgspec accepts exactly where nothing of the shape would be dropped."""
    if isinstance(shape, list):
        return list[_type_of(shape[0])] | None  # type: ignore[misc]
    if isinstance(shape, Mapping):
        if ANY_NAME in shape:
            return dict[str, _type_of(shape[ANY_NAME])] | None  # type: ignore[misc]
        known = [(name, part) for name, part in shape.items() if part is not LEFT_OUT]
        members: Any = [(f"field_{at}", _type_of(part), None) for at, (_, part) in enumerate(known)]
        renamed = {f"field_{at}": name for at, (name, _) in enumerate(known)}
        return msgspec.defstruct("Known", members, rename=renamed, forbid_unknown_fields=True, gc=False) | None
    if shape is LEFT_OUT:
        return Literal["\0"]  # an item that no answer holds: `storable` has replaced it
    return msgspec.Raw if shape is OPEN else str | int | float | bool | None


def _open_names(shape: Shape) -> set[str]:
    """Names of the fields of a shape, at any depth, that may be anything."""
    if isinstance(shape, list):
        return _open_names(shape[0])
    if isinstance(shape, Mapping):
        return {name for name, part in shape.items() if part is OPEN}.union(*map(_open_names, shape.values()))
    return set()


def _left(raw: bytes, shape: "Shape | None", path: str, new_fields: set[str]) -> bytes | None:
    """What is left of a value; `_GONE` for nothing."""
    if shape is LEFT_OUT:
        return _GONE
    if shape is OPEN:
        return _open(raw, 0, f"{path}.{ANY_NAME}", new_fields)
    begin = raw[:1]
    if shape is not None and (raw == b"null" or (shape is PLAIN and begin not in b"{[")):
        return raw
    if isinstance(shape, list) and begin == b"[":
        return _list(_left(bytes(item), shape[0], f"{path}[]", new_fields) for item in _LIST(raw))
    if isinstance(shape, Mapping) and begin == b"{":
        every, parts = shape.get(ANY_NAME), _OBJECT(raw)
        gone = _values_of_a_secret(parts) if OPEN in shape.values() else frozenset()
        left = []
        for name, part in parts.items():
            named = f"{path}.{_named(name) if every is None else ANY_NAME}"
            if name in gone and shape.get(name) is OPEN:
                new_fields.add(f"{named}.{ANY_NAME}")
            else:
                left.append((name, _left(bytes(part), shape.get(name, every), named, new_fields)))
        return _object(left)
    new_fields.add(path)
    return _GONE


def _open(raw: bytes, depth: int, path: str, new_fields: set[str]) -> bytes | None:
    """What is left of a value that may be anything: all but what is named like a secret."""
    begin = raw[:1]
    if _is_too_deep(raw, depth):
        new_fields.add(path)
        return _GONE
    if begin not in b'{["' or not _may_hold_a_secret(raw):
        return raw
    if begin == b'"':
        if _is_harmless(raw, depth):
            return raw
        new_fields.add(path)
        return _GONE
    if begin == b"[":
        return _list(_open(bytes(item), depth + 1, path, new_fields) for item in _LIST(raw))
    parts = _OBJECT(raw)
    gone = {name for name in parts if is_secret(name)} | _values_of_a_secret(parts)
    if gone:
        new_fields.add(path)
    return _object(
        (name, _open(bytes(part), depth + 1, path, new_fields)) for name, part in parts.items() if name not in gone
    )


def _values_of_a_secret(parts: Document) -> frozenset[str]:
    """What stands beside the name of a secret: {"name": "authorization", "value": "…"}."""
    labels = [name for name in ("name", "key") if bytes(parts.get(name, b""))[:1] == b'"']
    is_pair = any(is_secret(_TEXT(parts[name])) for name in labels)
    return frozenset(parts) - {"name", "key"} if is_pair else frozenset()


def _is_harmless(raw: bytes, depth: int) -> bool:
    """Whether a text is no JSON that names a secret: arguments of a tool are told as such."""
    text = _TEXT(raw).strip().encode()
    if text[:1] not in (b"{", b"["):
        return True
    found: set[str] = set()
    try:
        _open(text, depth + 1, "", found)
    except msgspec.DecodeError:
        return True
    return not found


def _list(items: Iterable[bytes | None]) -> bytes:
    return _ENCODE([msgspec.Raw(item) for item in items if item is not _GONE])


def _object(parts: Iterable[tuple[str, bytes | None]]) -> bytes:
    """Written again, so that a member that is told twice is stored once."""
    return _ENCODE({name: msgspec.Raw(part) for name, part in parts if part is not _GONE})


def _may_hold_a_secret(raw: bytes) -> bool:
    lower = raw.lower()
    return any(mark in lower for mark in _MARKS)


def _is_too_deep(raw: bytes, depth: int) -> bool:
    """Whether brackets nest deeper than any reader should have to follow; those within texts count too."""
    if depth + raw.count(b"[") + raw.count(b"{") <= _DEEPEST:
        return False
    for byte in raw:
        if byte in b"{[":
            depth += 1
            if depth > _DEEPEST:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _named(name: str) -> str:
    """A name as it may be reported: one that is no name may be a value."""
    return name if _A_NAME.fullmatch(name) else "(a name that is not told)"

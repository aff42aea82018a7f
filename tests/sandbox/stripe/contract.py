"""What a request may say, by the official library: services name a route's parameters, `stripe.params` their kinds.

Nothing is listed by hand, so a route that is added to the sandbox is strict by itself. What Stripe's API refuses is
refused in its words; codes only where Stripe sends one (https://docs.stripe.com/error-codes).
"""

import ast
import importlib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import stripe
import typing_extensions
from stripe import RequestOptions

from tests.sandbox.stripe.errors import StripeProblem, unrecognized

_LIBRARY = Path(stripe.__file__).parent
_LONGEST = {"key": 40, "value": 500, "identifier": 100, "event_name": 100, "idempotency key": 255}
MOST_METADATA = 50
_WRAPPERS = {"Optional", "ListObject", "SearchResultObject"}


class Route(NamedTuple):
    """A route of Stripe's. params and answer: module and name of the library's classes of what it takes and returns."""

    method: str
    path: re.Pattern[str]
    params: tuple[str, str] | None
    answer: tuple[str, str] | None
    is_list: bool


class Told(dict[str, Any]):
    """Parameters that know which of them were looked at: the sandbox must not ignore what Stripe would heed."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._unread = set(values)

    def __getitem__(self, name: str) -> Any:
        self._unread.discard(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._unread.discard(name)
        return super().get(name, default)

    def unread(self, where: str = "") -> Iterator[str]:
        """The names that nobody looked at, as Stripe writes them."""
        for name, value in self.items():
            at = f"{where}[{name}]" if where else name
            if name in self._unread:
                yield at
                continue
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Told):
                    yield from one.unread(at)


def accepted(method: str, path: str, params: dict[str, Any], key: str | None) -> Told:
    """The parameters of a request that Stripe's API would look at. Raises StripeProblem where it would refuse it."""
    route = route_of(method, path)
    if key and len(key) > _LONGEST["idempotency key"]:
        raise StripeProblem(400, None, f"Idempotency keys can have up to 255 characters, yours has {len(key)}.")
    _expandable(params.get("expand"), route)
    wanted = _loaded(route.params)
    if wanted is None and params:
        raise _unknown([*params])
    reported = _as_class(params, wanted, "") if wanted else Told({})
    _bounded(reported)
    return reported


def route_of(method: str, path: str) -> Route:
    """Stripe's route of a path. Raises StripeProblem where there is none."""
    for route in _routes():
        if route.method == method and route.path.fullmatch(path):
            return route
    raise unrecognized(method, path)


@cache
def _routes() -> list[Route]:
    """Every route that a service of the library calls; a fixed path comes before one with a placeholder."""
    found = [route for file in _LIBRARY.rglob("_*_service.py") for route in _of_service(file)]
    return sorted(found, key=lambda route: route.path.pattern.count("[^/]+"))


def _of_service(file: Path) -> Iterator[Route]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = {
        name.asname or name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }

    def named(annotation: ast.expr | None) -> tuple[str, str] | None:
        words = re.findall(r"\w+", ast.unparse(annotation)) if annotation else []
        known = [word for word in words if word in modules and word not in _WRAPPERS]
        return (modules[known[-1]] or "stripe", known[-1]) if known else None

    for method in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in ast.walk(method):
            if not isinstance(call, ast.Call) or getattr(call.func, "attr", "") != "_request":
                continue
            verb, target = call.args[:2]
            target = target.func.value if isinstance(target, ast.Call) else target  # type: ignore[attr-defined]
            path = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(ast.literal_eval(target)))
            taken = next((one.annotation for one in method.args.args if one.arg == "params"), None)
            is_list = "ListObject" in ast.unparse(method.returns) if method.returns else False
            yield Route(ast.literal_eval(verb).upper(), re.compile(path), named(taken), named(method.returns), is_list)


@cache
def _loaded(named: tuple[str, str] | None) -> type | None:
    return getattr(importlib.import_module(named[0]), named[1], None) if named else None


def _unknown(names: list[str]) -> StripeProblem:
    words = "parameter" if len(names) == 1 else "parameters"
    return StripeProblem(400, "parameter_unknown", f"Received unknown {words}: {', '.join(names)}", param=names[0])


@cache
def _kinds(wanted: type) -> dict[str, Any]:
    """The kind of each parameter of a class; what the library keeps for itself is none."""
    own = {name: kind for name, kind in wanted.__annotations__.items() if name not in RequestOptions.__annotations__}
    bare = type(wanted.__name__, (), {"__annotations__": own, "__module__": wanted.__module__})
    return typing_extensions.get_type_hints(bare)


def _as_class(values: Mapping[str, Any], wanted: type, where: str) -> Told:
    kinds = _kinds(wanted)

    def at(name: str) -> str:
        return f"{where}[{name}]" if where else name

    if unknown := [at(name) for name in values if name not in kinds]:
        raise _unknown(unknown)
    for name in sorted(wanted.__required_keys__ & kinds.keys()):  # type: ignore[attr-defined]
        if name not in values:
            raise StripeProblem(400, "parameter_missing", f"Missing required param: {at(name)}.", param=at(name))
    return Told({name: _as(value, kinds[name], at(name)) for name, value in values.items()})


def _as(value: Any, kind: Any, where: str) -> Any:
    """A value as one of the alternatives of its kind. A set of words is closed, although the library says `|str`."""
    options = [*_options(kind)]
    words = [word for option in options if typing.get_origin(option) is typing.Literal for word in option.__args__]
    others = [option for option in options if typing.get_origin(option) is not typing.Literal]
    if isinstance(value, str):
        return _as_text(value, [str(word) for word in words], others, where)
    for option in others:
        origin = typing.get_origin(option)
        if isinstance(value, list) and origin is list:
            return [_as(one, option.__args__[0], f"{where}[{number}]") for number, one in enumerate(value)]
        if isinstance(value, dict) and origin is dict:
            return {name: one if one == "" else _as(one, option.__args__[1], where) for name, one in value.items()}
        if isinstance(value, dict) and typing_extensions.is_typeddict(option):
            return _as_class(value, option, where)
    raise StripeProblem(400, None, f"Invalid {_name(others)}", param=where)


def _as_text(value: str, words: list[str], others: list[Any], where: str) -> str:
    if value in words:
        return value
    if not value:
        raise StripeProblem(
            400, "parameter_invalid_empty",
            f"You passed an empty string for '{where}'. We assume empty values are an attempt to unset a parameter;"
            f" however '{where}' cannot be unset. You should remove '{where}' from your request or supply a non-empty"
            " value.", param=where,
        )  # fmt: skip
    listed = [word for word in words if word]
    if any(_READS[option](value) for option in others if option in _READS and not (option is str and listed)):
        return value
    if listed:
        message = f"Invalid {where}: must be one of {', '.join(listed)}"
        raise StripeProblem(400, None, message, param=where)
    code = "parameter_invalid_integer" if int in others else None
    raise StripeProblem(400, code, f"Invalid {_name(others)}: {value}", param=where)


_READS: dict[Any, Any] = {
    str: lambda value: True,
    int: lambda value: re.fullmatch(r"-?\d+", value),
    bool: lambda value: value in ("true", "false"),
    float: lambda value: re.fullmatch(r"-?\d+(\.\d+)?", value),
    # At most twelve decimals, as the library's docstrings say of every decimal.
    Decimal: lambda value: re.fullmatch(r"-?\d+(\.\d{1,12})?", value),
}


def _name(options: list[Any]) -> str:
    names = {int: "integer", bool: "boolean", float: "decimal", Decimal: "decimal", str: "string"}
    for option in options:
        if option in names:
            return names[option]
        if typing.get_origin(option) is list:
            return "array"
    return "object"


def _options(kind: Any) -> Iterator[Any]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        for part in kind.__args__:
            yield from _options(part)
    else:
        yield kind


def _bounded(reported: Told) -> None:
    """The lengths that Stripe's documentation states."""
    metadata = dict.get(reported, "metadata") or {}
    if len(metadata) > MOST_METADATA:
        raise StripeProblem(400, None, f"Metadata can have up to {MOST_METADATA} keys.", param="metadata")
    for name, value in metadata.items():
        for what, text in (("key", name), ("value", value)):
            if len(text) > _LONGEST[what]:
                message = f"Metadata {what}s can have up to {_LONGEST[what]} characters, but you passed in {len(text)}."
                raise StripeProblem(400, None, message, param="metadata")
    for name in ("identifier", "event_name"):
        if len(dict.get(reported, name) or "") > _LONGEST[name]:
            message = f"Invalid string: must be at most {_LONGEST[name]} characters"
            raise StripeProblem(400, "parameter_invalid_string", message, param=name)


def _expandable(paths: Any, route: Route) -> None:
    """A list expands what is below `data`; what the object has no field for cannot be expanded."""
    for path in paths if isinstance(paths, list) else ():
        parts = str(path).split(".")
        inner = parts[1:] if route.is_list else parts
        has_field = bool(inner) and inner[0] in _fields(_loaded(route.answer))
        if len(parts) > 4 or (route.is_list and parts[0] != "data") or not has_field:
            raise StripeProblem(400, None, f"This property cannot be expanded ({path}).", param="expand")


def _fields(answer: type | None) -> set[str]:
    bases = answer.__mro__ if answer else ()
    return {name for base in bases for name in vars(base).get("__annotations__", {})}

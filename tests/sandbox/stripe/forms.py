"""v1 bodies are form-encoded with brackets: `payload[value]=3`, `expand[0]=data.tiers`."""

import re
from typing import Any

_PART = re.compile(r"\[([^\]]*)\]")


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The tree that bracketed names spell; numbered keys become lists. Values stay strings, as they came."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        keys = [name.split("[", 1)[0], *_PART.findall(name)]
        at = tree
        for key in keys[:-1]:
            at = at.setdefault(key, {})
        at[keys[-1]] = value
    return {key: _lists(value) for key, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(inner) for key, inner in value.items()}

"""What dbt's documentation says of the marts, as Metabase has words for it: descriptions, semantic types, foreign keys.

A column that a table has one row per (`one_row_per`) is its key; a column of another mart with that name refers to it.
What a name cannot say is written as `meta` beside the column, under the keys that dbt-metabase made known:
metabase.semantic_type, metabase.fk_target_table and metabase.fk_target_field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestration.marts.building import PROJECT

SCHEMA = "marts"
_MARTS = PROJECT / "models" / SCHEMA


@dataclass(frozen=True)
class Column:
    """A column: semantic_type such as type/Category, or None for Metabase's own guess; target is (table, column)."""

    name: str
    description: str
    semantic_type: str | None = None
    target: tuple[str, str] | None = None


@dataclass(frozen=True)
class Table:
    """A mart and its columns."""

    name: str
    description: str
    columns: Sequence[Column]


def documented(folder: Path = _MARTS) -> list[Table]:
    """The marts as their YAML describes them, by name. Raises OSError where the dbt project is not installed."""
    models = [
        model
        for path in sorted(folder.rglob("*.yml"), key=lambda path: path.name)
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])
    ]
    one_row_per = {model["name"]: model.get("config", {}).get("meta", {}).get("one_row_per", []) for model in models}
    keys = {columns[0]: (name, columns[0]) for name, columns in one_row_per.items() if len(columns) == 1}
    return [
        Table(
            model["name"],
            _sentence(model),
            [_column(model["name"], column, keys) for column in model["columns"]],
        )
        for model in models
    ]


def _column(table: str, column: Mapping[str, Any], keys: Mapping[str, tuple[str, str]]) -> Column:
    name, described = column["name"], _sentence(column)
    meta = column.get("config", {}).get("meta", {})
    target = keys.get(name)
    if "metabase.fk_target_table" in meta:
        target = meta["metabase.fk_target_table"], meta["metabase.fk_target_field"]
    if target == (table, name):
        return Column(name, described, "type/PK")
    if target is not None:
        return Column(name, described, "type/FK", target)
    return Column(name, described, meta.get("metabase.semantic_type"))


def _sentence(described: Mapping[str, Any]) -> str:
    return " ".join(str(described.get("description", "")).split())

"""A warehouse with a story of any number of tenants, as dbt would have built it on 3 November 2026, made in seconds.

The tables are made from the marts' own contracts and protected as dbt_project/macros/protect.sql protects them.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import yaml

TODAY = date(2026, 11, 3)
NAMES = ("Acme Dental", "Bright Smiles", "Corner Vet", "Delta Legal", "Elm Street Clinic", "Fjord Travel", "Gaia Foods")
UNFRIENDLY = (
    "<script>alert(1)</script>",
    "\u202eمستشفى السلام (RTL)\u202c \U0001f3e5\U0001f468\u200d\u2695\ufe0f",
    "A name that goes on and on, far beyond what any table was drawn for, until it has told the firm's whole story "
    * 2,
    '=HYPERLINK("http://evil.example";"click")',
)
_HEADER = re.compile(r"^-- name: (\w+)$", flags=re.MULTILINE)
_FOLDER = Path(__file__).parent
_MARTS = _FOLDER.parents[1] / "dbt_project" / "models" / "marts"
_STAFF = "minutebook_loader, minutebook_billing, minutebook_operator, minutebook_analyst"


def build(url: str, count: int, names: Sequence[str] = NAMES) -> list[str]:
    """Fill a migrated, empty warehouse with count tenants, the first of them named; returns their ids."""
    tenants = []
    for number in range(1, count + 1):
        name = names[number - 1] if number <= len(names) else f"Tenant number {number}"
        tenants.append((_slug(number, name), number, name))
    _, *parts = _HEADER.split((_FOLDER / "story.sql").read_text())
    with psycopg.connect(url) as connection:
        connection.execute("create temp table story (tenant_id text primary key, number int, name text)")
        with connection.cursor().copy("copy story from stdin") as copy:
            for tenant in tenants:
                copy.write_row(tenant)
        connection.execute("analyze story")
        for statement in (*_tables(), *parts[1::2], *_protection()):
            connection.execute(statement)
    return [tenant_id for tenant_id, _, _ in tenants]


@cache
def marts() -> list[dict[str, Any]]:
    """The marts as their YAML describes them."""
    paths = sorted(_MARTS.rglob("*.yml"), key=lambda path: path.name)
    return [mart for path in paths for mart in yaml.safe_load(path.read_text())["models"]]


def analysts_read(mart: dict[str, Any]) -> bool:
    """Whether all of staff may read it, analysts and finance too."""
    return "minutebook_analyst" in mart.get("config", {}).get("meta", {}).get("staff_reads", _STAFF)


def _tables() -> Iterator[str]:
    for mart in marts():
        table = f"marts.{mart['name']}"
        columns = ", ".join(f"{column['name']} {column['data_type']}" for column in mart["columns"])
        yield f"create table {table} ({columns})"
        yield f"comment on table {table} is {_quoted(mart['description'])}"
        for column in mart["columns"]:
            yield f"comment on column {table}.{column['name']} is {_quoted(column['description'])}"


def _quoted(text: str) -> str:
    return "'" + text.strip().replace("'", "''") + "'"


def _protection() -> Iterator[str]:
    for mart in marts():
        table = f"marts.{mart['name']}"
        meta = mart.get("config", {}).get("meta", {})
        columns = [column["name"] for column in mart["columns"]]
        staff = meta.get("staff_reads", _STAFF)
        yield f"grant select on {table} to {staff}"
        if "tenant_id" in columns:
            readable = ", ".join(name for name in columns if name not in meta.get("hidden_from_tenants", []))
            yield f"create index on {table} (tenant_id{', usage_date' if 'usage_date' in columns else ''})"
            yield f"alter table {table} enable row level security"
            yield f"alter table {table} force row level security"
            yield f"create policy processes on {table} to {staff} using (true)"
            yield (
                f"create policy rows_of_the_reader on {table} for select to minutebook_tenant"
                " using (tenant_id = (select control.reading_tenant()))"
            )
            if meta.get("is_searched"):
                yield f"grant select on {table} to minutebook_searcher"
                yield f"create policy searched on {table} for select to minutebook_searcher using (true)"
            if meta.get("tenant_reads", True):
                yield f"grant select ({readable}) on {table} to minutebook_tenant"
        yield f"analyze {table}"


def _slug(number: int, name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return slug or f"tenant-{number:04d}"

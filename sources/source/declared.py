"""What is wrong with the declaration of a source, in words of whoever wrote it."""

import re
from typing import TYPE_CHECKING

from sources.contracts import CONTRACTS, SERVICES, Kind

if TYPE_CHECKING:
    from sources.source import Source

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
STAMPS = frozenset({"account", "tenant_id", "usage_date", "pull_id", "_dlt_load_id", "payload"})
"""Columns of every raw table that no source declares."""
SETTING_OF_ALL = "requests_per_second"
LAST_DAY_OF_ALL_MONTHS = 28


def faults_of(source: "Source") -> list[str]:
    """Each fault of a declaration, as what follows the source's name in a sentence; none where it is good."""
    found = [
        f"its {what} {value!r} is no name; use a-z, 0-9 and '_', a letter first, 40 at most"
        for what, value in (("name", source.name), ("provider", source.provider), ("table", source.table))
        if not isinstance(value, str) or not _NAME.fullmatch(value)
    ]
    if found:
        return found
    found += [
        f"its {what} cannot be called" for what in ("read", "connect", "verify") if not callable(getattr(source, what))
    ]
    if source.contract is not None and source.contract not in CONTRACTS:
        found.append(f"there is no contract {source.contract!r}; there is {', '.join(CONTRACTS)}")
        return found
    found += _faults_of_columns(source)
    if source.is_contract_shaped and (source.stored is None or not source.facts):
        found.append("it declares neither which fields are stored nor which of them are facts: stored and facts")
    kinds = [kind.name for kind in source.scope_kinds]
    if len(set(kinds)) < len(kinds):
        found.append("a scope kind is declared twice")
    found += [f"scope kind {kind!r} is no name" for kind in kinds if not _NAME.fullmatch(kind)]
    if source.account == "own" and not kinds:
        found.append("it is read from a tenant's own account where a scope is attached, and it declares no scope kind")
    if unknown_services := sorted(set(source.components.values()) - set(SERVICES)):
        found.append(f"{unknown_services[0]!r} is no service; there is {', '.join(SERVICES)}")
    if (source.components and source.contract != "calls") or (source.details_calls and source.contract != "costs"):
        found.append("components are of a source of calls, and details_calls of one of costs")
    if source.contract == "costs" and source.bills:
        found.append("a source of costs bills nothing: declare bills=False")
    for what in ("horizon_days", "look_back_days", "settles_on", "at_once"):
        value = getattr(source, what)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            found.append(f"its {what} is no number of 1 or more but {value!r}")
    if isinstance(source.settles_on, int) and source.settles_on > LAST_DAY_OF_ALL_MONTHS:
        found.append(f"its settles_on is no day of every month but {source.settles_on}")
    values = source.settings.get(source.enabled_by[0]) if source.enabled_by else None
    if source.enabled_by and (not isinstance(values, tuple) or source.enabled_by[1] not in values):
        found.append(f"it is enabled by a setting {'='.join(source.enabled_by)} that it does not declare")
    if SETTING_OF_ALL in source.settings:
        found.append(f"every credential may carry {SETTING_OF_ALL}; leave it out")
    named = {source.hook.row_column, source.hook.ended_column} - {None} if source.hook else set()
    if named - {column.name for column in source.columns}:
        found.append("its hook names a column that it does not declare")
    return found


def _faults_of_columns(source: "Source") -> list[str]:
    names = [column.name for column in source.columns]
    found = [f"column {name!r} is no name" for name in names if not _NAME.fullmatch(name)]
    found += [f"column {name!r} is of every raw table; leave it out" for name in names if name in STAMPS]
    found += [
        f"column {column.name!r} is of no known kind" for column in source.columns if not isinstance(column.kind, Kind)
    ]
    if not names:
        found.append("it declares no columns, and no contract that has them")
    if len(set(names)) < len(names):
        found.append("a column is declared twice")
    if unknown := [name for name in source.key if name not in names]:
        found.append(f"its key names {unknown[0]!r}, which is no column of it")
    if not source.key:
        found.append("it declares no key")
    if source.is_contract_shaped and source.columns != CONTRACTS[str(source.contract)].columns:
        found.append(f"it declares columns of its own beside those of the contract {source.contract}")
    for kind in source.scope_kinds:
        if kind.column is not None and kind.column not in names:
            found.append(f"scope kind {kind.name!r} is in column {kind.column!r}, which is none of its columns")
        if kind.column is None and kind.field is None and "scopes" not in names:
            found.append(f"scope kind {kind.name!r} names neither a column nor a field that holds it")
    return found

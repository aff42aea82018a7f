"""Checks made of a statement: red when it returns a row, and the rows are the check's metadata."""

from collections.abc import Mapping, Sequence

import dagster as dg

from orchestration.resources import Minutebook
from warehouse.database.connect import Role, connect
from warehouse.marts import checks

SHOWN = 100


def check_without_rows(
    name: str,
    asset: dg.AssetKey,
    description: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **parameters: str,
) -> dg.AssetChecksDefinition:
    """A check that fails when the statement of its name returns a row."""
    checks.require_check(name)

    @dg.asset_check(asset=asset, name=name, description=description)
    def check(minutebook: Minutebook) -> dg.AssetCheckResult:
        with minutebook.database() as url, connect(url, Role.TRANSFORMER) as connection:
            offenders = checks.offenders(connection, name, **parameters)
        return dg.AssetCheckResult(
            passed=not offenders,
            severity=severity,
            description=f"{len(offenders)} found" if offenders else None,
            metadata=offenders_table(offenders, SHOWN),
        )

    return check


def offenders_table(
    offenders: Sequence[Mapping[str, object]], shown: int | None = None
) -> dict[str, int | dg.TableMetadataValue]:
    """How many, and a table of them, or of the first of them."""
    records = [dg.TableRecord({name: str(value) for name, value in row.items()}) for row in offenders[:shown]]
    return {"found": len(offenders), **({"offenders": dg.MetadataValue.table(records)} if records else {})}

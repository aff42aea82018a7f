"""What Dagster shows of a pull: a day that is published under its own key, and what failed by its cause."""

from collections.abc import Sequence
from itertools import groupby

import dagster as dg

from orchestration.ingestion.outcomes import PullOutcome, PullState
from orchestration.ingestion.partitions import key_of
from sources.registry import source_named
from warehouse.words import counted, day

NAMED_FAILURES = 20


def report(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, outcome: PullOutcome, *, has_shard_partitions: bool
) -> None:
    """Log a day that failed, or that it is materialised under its own key; usage of nobody has none, nor has any day
    where keys are of shards.
    """
    if outcome.is_failed:
        day = outcome.usage_date.isoformat()
        context.log.error(str(outcome), extra={"tenant": outcome.tenant_id, "source": outcome.source, "day": day})
    elif outcome.tenant_id is not None and not has_shard_partitions:
        context.log_event(materialization(outcome))


def raw_key(source: str) -> dg.AssetKey:
    """The asset of a source's raw table."""
    declared = source_named(source)
    return dg.AssetKey([declared.schema, declared.table])


def materialization(outcome: PullOutcome) -> dg.AssetMaterialization:
    """A tenant-day that is published, as the UI shows it."""
    metadata: dict[str, dg.MetadataValue] = {
        "state": dg.MetadataValue.text(
            "source not used" if outcome.state is PullState.NOT_USED else outcome.state.value
        ),
        "rows": dg.MetadataValue.int(outcome.rows),
    }
    if outcome.account is not None:
        metadata |= {
            "account": dg.MetadataValue.text(outcome.account),
            "incomplete": dg.MetadataValue.bool(outcome.is_incomplete),
            "requests": dg.MetadataValue.int(outcome.requests),
            "windows": dg.MetadataValue.int(outcome.windows),
        }
    if outcome.pull_id is not None:
        metadata["pull_id"] = dg.MetadataValue.int(outcome.pull_id)
    for name, value in outcome.totals.items():
        metadata[f"total_{name}"] = dg.MetadataValue.text(str(value))
    for name, value in (outcome.provider_totals or {}).items():
        metadata[f"provider_total_{name}"] = dg.MetadataValue.text(str(value))
    return dg.AssetMaterialization(
        asset_key=raw_key(outcome.source),
        partition=key_of(outcome.tenant_id or "", outcome.usage_date),
        metadata=metadata,
    )


def raise_for_failed(outcomes: Sequence[PullOutcome]) -> None:
    """Raise a Failure that names what failed, if anything did."""
    if failed := [outcome for outcome in outcomes if outcome.is_failed]:
        raise failure(failed, sum(outcome.is_read for outcome in outcomes))


def failure(failed: Sequence[PullOutcome], read: int) -> dg.Failure:
    """Every failed day by its cause, the commonest first; the table holds them all."""
    by_cause = sorted(failed, key=lambda outcome: (outcome.cause_code or "", outcome.tenant_id or ""))
    reasons = []
    for (code, tenant_id), group in groupby(by_cause, key=lambda outcome: (outcome.cause_code, outcome.tenant_id)):
        days = list(group)
        span = day(days[0].usage_date) + (f" and {counted(len(days) - 1, 'day')} more" if len(days) > 1 else "")
        reasons.append(f"{tenant_id or 'unattributed usage'}, {span}: {code}: {days[0].cause}")
    more = f"\n… and {len(reasons) - NAMED_FAILURES} more" if len(reasons) > NAMED_FAILURES else ""
    return dg.Failure(
        description=f"{len(failed)} of {counted(read, 'tenant-day')} failed\n"
        + "\n".join(reasons[:NAMED_FAILURES])
        + more,
        metadata={
            "failed": dg.MetadataValue.table(
                records=[
                    dg.TableRecord(
                        {
                            "tenant": outcome.tenant_id or "",
                            "usage_date": outcome.usage_date.isoformat(),
                            "cause_code": outcome.cause_code or "",
                            "cause": outcome.cause or "",
                        }
                    )
                    for outcome in failed
                ]
            )
        },
        allow_retries=False,
    )

"""What came of calls, in a night's processor time: a night that reads and builds it of every call, and one without.

python -m tests.benchmarks.building.results [tenants, default 1000] [calls of each, default 200]

Each tenant keeps all that is said of its calls, the most that there can be to read. A night is a day of all tenants
pulled by Dagster, and the build after it; without results, nothing is hashed of them and their marts are not built.
"""

import sys
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import psycopg

from orchestration.marts import building
from tests.benchmarks._deployment import Deployment, deployment
from tests.benchmarks._measuring import Cost, measured, verdict

MOST_MORE = 0.15
OF_RESULTS = ("fct_call_results", "fct_call_texts", "fct_call_outcomes_daily", "dim_campaigns")
KEPT = """
insert into control.personal_choices (tenant_id, phone_numbers, transcripts, recordings)
select tenant_id, 'kept', 'kept', 'kept' from control.tenants
"""


def main(tenants: int = 1_000, calls: int = 200) -> int:
    """Exit code: 0 where the bound holds."""
    today = datetime.now(UTC).date()
    nights: dict[bool, list[float]] = {False: [], True: []}
    with deployment(tenants, calls) as deployed:
        with psycopg.connect(deployed.url, autocommit=True) as owner:
            owner.execute(KEPT)
        for night in range(4, -1, -1):
            has_results = night % 2 == 0
            pulled, built = _night(deployed, today - timedelta(days=night + 1), today, has_results=has_results)
            kind = "first, not compared" if night == 4 else "with results" if has_results else "without results"
            print(f"{kind}: pull {_busy(pulled):.1f} s, build {_busy(built):.1f} s", flush=True)
            if night < 4:
                nights[has_results].append(_busy(pulled) + _busy(built))
    more = min(nights[True]) / min(nights[False]) - 1
    print(
        f"{tenants * calls:,} calls of {tenants:,} tenants: {min(nights[True]):.1f} s of processor time with results,"
        f" {min(nights[False]):.1f} s without, {more:+.1%} (at most {MOST_MORE:+.0%})"
    )
    return verdict(more <= MOST_MORE)


def _night(deployed: Deployment, day: date, today: date, *, has_results: bool) -> tuple[Cost, Cost]:
    unread = nullcontext() if has_results else patch("sources.vapi.rows.results", return_value=[])
    with unread, measured(deployed.home) as pulled:
        deployed.pull_in_dagster((deployed.tenants[0], day), (deployed.tenants[-1], day))
    arguments = building.build_arguments()
    left_out = (
        nullcontext()
        if has_results
        else patch.object(building, "build_arguments", lambda *_: [*arguments, "--exclude", *OF_RESULTS])
    )
    with left_out, measured(deployed.home) as built:
        building.build(deployed.url, deployed.home, today)
    return pulled, built


def _busy(cost: Cost) -> float:
    return cost.own + cost.server


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""What goes on in the house while somebody attacks it: days are pulled, statements approved, marts built, in turn.

python -m tests.benchmarks.serving._work SECONDS     prints, as JSON, the milliseconds of each and what did not end well
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from uuid import uuid4

from orchestration.ingestion.outcomes import PullState
from orchestration.marts import building
from orchestration.settings import Settings
from tests.ingestion.house import House, call
from tests.sandbox.server import serving
from tests.sandbox.world import VapiAccount, World, in_memory
from warehouse.clock import today
from warehouse.database.connect import Role, connect
from warehouse.statements.approval import Scope, approve
from warehouse.statements.periods import Month

PATIENCE_SECONDS = 120.0
OUTAGE = re.compile(
    "connection|OperationalError|DatabaseUnreachable|AdminShutdown|CrashShutdown|starting up|shutting down"
)
UNAPPROVED = """
select s.tenant_id, s.period_start from marts.fct_statements as s
where s.period_state = 'open' and s.period_end <= %s
order by s.period_start, s.tenant_id
limit 1
"""


class Work:
    """Each step is timed; one that fails is an error, after which the next is tried."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {"pull": [], "approval": [], "build": []}
        self.errors: list[str] = []

    def step(self, kind: str, do: Callable[[], str]) -> None:
        """do returns what was wrong, in words."""
        begun, wrong = time.perf_counter(), "the database was away for too long"
        while time.perf_counter() - begun < PATIENCE_SECONDS:
            try:
                wrong = do()
            except Exception as error:  # noqa: BLE001 - it is what is counted
                wrong = f"{type(error).__name__}: {str(error)[:200]}"
                if OUTAGE.search(wrong):  # it says so, and is begun again, as Dagster would
                    time.sleep(1)
                    continue
            break
        self.taken[kind].append((time.perf_counter() - begun) * 1000)
        if wrong:
            self.errors.append(f"{kind}: {wrong}")


def pulled(house: House, tenant: str, day: date) -> str:
    house.sandbox.world.vapi[f"private-key-of-{tenant}-at-vapi"] = VapiAccount(in_memory([call(str(uuid4()), day)]))
    (outcome,) = house.pull([tenant], [day])
    return "" if outcome.state is not PullState.FAILED else str(outcome.cause)


def approved(url: str) -> str:
    with connect(url, Role.OPERATOR) as finance:
        found = finance.execute(UNAPPROVED, [today()]).fetchone()
        finance.commit()
        if found is None:
            return ""
        tenant_id, start = found
        scope = Scope(Month.parse(f"{start:%Y-%m}"), [tenant_id])
        outcomes = approve(finance, scope, "finance", today=today(), override="meant", patience=PATIENCE_SECONDS)
    return "; ".join(str(one.why) for one in outcomes if one.result not in ("approved", "unchanged", "refused"))


def main() -> None:
    work, deadline = Work(), time.monotonic() + float(sys.argv[1])
    with Settings.from_environment().database() as url, serving(World()) as sandbox:
        os.environ["MINUTEBOOK_VAPI_URL"] = sandbox.vapi_url
        settings = Settings.from_environment()
        house, tenant = House(url, settings, sandbox), f"busy-{uuid4().hex[:8]}"
        house.tenant(tenant)
        house.own_vapi(tenant, [])
        day = today() - timedelta(days=2)
        while time.monotonic() < deadline:
            work.step("pull", lambda: pulled(house, tenant, day))
            work.step("build", lambda: _built(url, settings))
            for _ in range(3):
                work.step("approval", lambda: approved(url))
    sys.stdout.write(json.dumps({"taken": work.taken, "errors": work.errors}) + "\n")


def _built(url: str, settings: Settings) -> str:
    building.build(url, settings.home, today())
    return ""


if __name__ == "__main__":
    main()

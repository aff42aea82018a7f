"""A warehouse that changes at random and is built after each change: every mart is what a build of all would have made.

python -m tests.marts.walk --steps 50 --seed 7
"""

import argparse
import secrets
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from orchestration.installing import install as migrate
from orchestration.marts import building
from tests.marts import bills
from tests.marts.test_first_bill import plan, voice_meter
from tests.marts.warehouse_of_one import Warehouse, call, opened
from tests.replaying import dbt_itself
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.statements import periods
from warehouse.statements.approval import Scope, approve
from warehouse.statements.canary import Distrust
from warehouse.statements.periods import Month

TENANTS, SHARED = ("ann", "bob", "cal", "dan"), ("ann", "bob")
FIRST, DAYS = date(2026, 2, 26), 5  # so few that days are often read again; February can be approved
FEBRUARY = Month.parse("2026-02")
NODES = 165  # of a build, nearly: after any of them it may be killed
COSTS = (None, "0.2")


class Walk:
    """One warehouse and what chance does to it; the same seed does the same."""

    def __init__(self, warehouse: Warehouse, seed: int) -> None:
        self.warehouse = warehouse
        self.chance = Random(seed)
        self.as_of = FIRST + timedelta(days=DAYS)
        self.day_of_control = FIRST  # timelines only grow at their end
        self.steps: list[Callable[[], str]] = [
            *[self.shared_calls] * 4, self.own_calls, *[self.chats] * 2, *[self.metrics] * 3,
            *[self.approval] * 3, *[self.bill] * 2, *[self.carried] * 2, self.coverage, self.unit_cost,
            self.number_moves, self.price, self.shared_cost, self.failure, self.next_day,
            self.nothing,
        ]  # fmt: skip
        self._found()

    def step(self) -> str:
        """One to three changes, perhaps a build that is killed, and one that is not; what was done, in words."""
        done = [self._change() for _ in range(self.chance.randint(1, 3))]
        if self.chance.random() < 0.4:
            done.append(self._killed_after(self.chance.randint(1, NODES)))
        self.warehouse.build(self.as_of)
        return ", ".join(done)

    def _change(self) -> str:
        change = self.chance.choice(self.steps)
        try:
            return change()
        except psycopg.errors.RaiseException as refusal:  # it would have changed what is approved
            return f"refused: {refusal.diag.message_primary}"

    def differences(self) -> dict[str, tuple[list[str], list[str]]]:
        """By mart, the rows that only the last build has and those that only a build of all has; dbt builds all."""
        built = self.warehouse.marts()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(building, "_invoke", dbt_itself())
            self.warehouse.build(self.as_of, full_refresh=True)
        whole = self.warehouse.marts()
        return {
            table: (sorted(set(built[table]) - set(rows)), sorted(set(rows) - set(built[table])))
            for table, rows in whole.items()
            if built[table] != rows
        }

    def _found(self) -> None:
        warehouse = self.warehouse
        bills.register(warehouse.connection)
        voice_meter(warehouse, "minutes", 60)
        warehouse.put(
            "control.meters",
            {"meter_id": "chats", "name": "chats", "unit": "chat", "source": "voiceflow", "item": "interactions"},
            {"meter_id": "pages", "name": "pages", "unit": "page", "source": "usage_metrics", "item": "pages"},
        )  # fmt: skip
        plan(warehouse, "pro", "10", "minutes", "2026-01-01")
        for meter_id in ("minutes", "chats", "pages"):
            warehouse.put("control.prices", {
                "plan_id": "pro", "meter_id": meter_id, "valid_from": "2026-01-01", "model": "per_unit",
                "unit_amount": "1",
            })  # fmt: skip
            warehouse.put("control.allowances", {
                "plan_id": "pro", "meter_id": meter_id, "valid_from": "2026-01-01", "quantity": 3,
            })  # fmt: skip
        for tenant_id in TENANTS:
            warehouse.tenant(tenant_id, str(FIRST), plan_id="pro")
            warehouse.attach(tenant_id, "usage_agent", f"{tenant_id}-metered", str(FIRST))
            warehouse.attach(tenant_id, "voiceflow_project", f"{tenant_id}-project", str(FIRST))
        for tenant_id in SHARED:
            warehouse.attach(tenant_id, "vapi_phone_number", f"{tenant_id}-number", str(FIRST))
        warehouse.put("control.credits", {
            "tenant_id": "ann", "amount": 25, "valid_from": FIRST, "reason": "welcome",
        })  # fmt: skip
        warehouse.put("control.payment_fees", {
            "currency": "USD", "valid_from": "2026-01-01", "percent": 3, "fixed_amount": "0.3",
        })  # fmt: skip
        warehouse.own_account("cal")
        bills.covers(warehouse, "model", "models_bill", str(FIRST))
        for change in (self.shared_calls, self.own_calls, self.chats, self.metrics):
            for _ in range(3):
                change()
        warehouse.build(self.as_of)

    def _day(self) -> str:
        return str(FIRST + timedelta(days=self.chance.randrange(DAYS)))

    def _calls(self, account: str) -> str:
        day = self._day()
        numbers = [*(f"{tenant_id}-number" for tenant_id in SHARED), "strange-number"]
        kinds: list[dict[str, Any]] = [
            {"cost": 1}, {}, {"costs": [{"type": "voice", "cost": 0.5}]},
            *[{"costs": [
                {"type": "model", "cost": 0, "promptTokens": self.chance.choice([0, 7, 100])},
                {"type": "transport", "cost": self.chance.choice([0, 0.1]), "minutes": 1},
            ]}] * 3,
        ]  # fmt: skip
        calls = [
            call(f"{account}-{day}-{n}", str(self.chance.randint(0, 400)), phoneNumberId=self.chance.choice(numbers),
                 transport={"provider": "carrier", "callSid": self._ref()}, **self.chance.choice(kinds))
            for n in range(self.chance.randint(0, 3))
        ]  # fmt: skip
        self.warehouse.calls(account, day, calls, is_incomplete=self.chance.random() < 0.2)
        return f"{len(calls)} calls of {account} on {day}"

    def shared_calls(self) -> str:
        return self._calls("platform")

    def own_calls(self) -> str:
        return self._calls("cal")

    def chats(self) -> str:
        account, project = self.chance.choice(TENANTS), self.chance.choice(TENANTS)
        rows = [
            (kind, self.chance.randint(0, 9))
            for kind in ("published", "canvas-prototype")
            if self.chance.random() < 0.7
        ]
        day = self._day()
        self.warehouse.interactions(account, day, f"{project}-project", rows)
        return f"{len(rows)} rows of chats of {project}'s project in {account}'s account on {day}"

    def metrics(self) -> str:
        account, day = self.chance.choice(TENANTS), self._day()
        rows = [
            (f"{self.chance.choice(TENANTS)}-metered", kind, self.chance.randint(0, 9), self.chance.choice(COSTS))
            for kind in ("pages", "unknown")
            for _ in range(self.chance.randint(0, 2))
        ]
        self.warehouse.metrics(account, day, list({row[:2]: row for row in rows}.values()))
        return f"{len(rows)} metrics in {account}'s account on {day}"

    def _ref(self) -> str:
        """One of few, so that calls, legs and recordings meet."""
        return f"CA{self.chance.randrange(6)}"

    def bill(self) -> str:
        source = self.chance.choice(["models_bill", "carrier_bill"])
        account, day = self.chance.choice(["platform", "platform", "ann", "cal"]), self._day()
        service = "llm" if source == "models_bill" else "telephony"
        scope = {"scope_kind": "models_project", "scope_ref": "ann-project"}
        lines = [
            bills.line(service, self.chance.choice(["1", "0.33", "-0.5", "0"]), line_item="a"),
            bills.line(service, "2", line_item="b", **(scope if source == "models_bill" else {})),
            bills.line(service, None, line_item="c", quantity=9, quantity_unit="credits"),
        ]
        rows = [one for one in lines if self.chance.random() < 0.5]
        bills.publish(self.warehouse, source, account, day, rows)
        return f"{len(rows)} lines of {source} of {account} on {day}"

    def carried(self) -> str:
        account, day = self.chance.choice(["platform", "platform", "ann", "cal"]), self._day()
        rows = {
            (ref := self._ref()): bills.charge(
                ref, self.chance.choice(["0.01", "0.02", None]), self.chance.choice([None, parent]),
                is_pending=None, quantity=60, quantity_unit="second",
            )
            for _ in range(self.chance.randint(0, 4))
            if (parent := self._ref())
        }  # fmt: skip
        told = [row for ref, row in rows.items() if row["parent_ref"] != ref]
        bills.publish(self.warehouse, "carrier_calls", account, day, told)
        return f"{len(told)} details of the carrier's bill of {account} on {day}"

    def coverage(self) -> str:
        tenant, day = self.chance.choice([None, *TENANTS]), self._later()
        source = self.chance.choice(["models_bill", "models_bill", None])
        is_own = bool(tenant and source) and self.chance.random() < 0.5
        bills.covers(self.warehouse, "model", source, day, tenant=tenant, is_own=is_own)
        return f"the model of {tenant or 'the platform'} is on {source} from {day} on, own: {is_own}"

    def unit_cost(self) -> str:
        provider, unit = self.chance.choice([("models", "credits"), ("carrier", "second")])
        day = self._later()
        self.warehouse.put("control.provider_unit_costs", {
            "provider": provider, "unit": unit, "valid_from": day, "unit_cost": "0.01", "currency": "USD",
        })  # fmt: skip
        return f"a {unit} of {provider} costs something from {day} on"

    def number_moves(self) -> str:
        kind, value = self.chance.choice([
            ("vapi_phone_number", "ann-number"), ("vapi_phone_number", "strange-number"),
            ("usage_agent", "dan-metered"), ("models_project", "ann-project"),
        ])  # fmt: skip
        tenant_id = self.chance.choice([*TENANTS, None])
        day = self._later()
        self.warehouse.attach(tenant_id, kind, value, day)
        return f"{value} goes to {tenant_id} from {day} on"

    def price(self) -> str:
        day = self._later()
        self.warehouse.put("control.prices", {
            "tenant_id": self.chance.choice(TENANTS), "meter_id": "minutes", "valid_from": day, "model": "per_unit",
            "unit_amount": f"0.{self.chance.randint(1, 99):02}",
        })  # fmt: skip
        return f"a tenant's own price from {day} on"

    def shared_cost(self) -> str:
        day, allocation = self._later(), self.chance.choice(["equal", "by_usage", "by_revenue"])
        amount = self.chance.choice([0, 31, 100])
        self.warehouse.put("control.fixed_costs", {
            "fixed_cost_id": "office", "name": "office", "valid_from": day, "monthly_amount": amount,
            "currency": "USD", "allocation": allocation,
        })  # fmt: skip
        return f"{amount} a month shared {allocation} from {day} on"

    def approval(self) -> str:
        """February of a tenant is approved as the marts have it, or reopened."""
        tenant_id = self.chance.choice(TENANTS)
        with connect(self.warehouse.url, Role.OPERATOR, actor="finance", autocommit=True) as operator:
            scope = Scope(FEBRUARY, [tenant_id])
            (outcome,) = approve(operator, scope, "finance", today=self.as_of, override="its gaps are meant")
            if outcome.result == "refused":  # something else changed in this step, which is not built yet
                assert [one.code for one in outcome.found] == [Distrust.MARTS_BEHIND], outcome
                return f"{tenant_id}'s February is not approved before a build"
            if outcome.result == "unchanged":
                (period,) = periods.periods_of(operator, FEBRUARY, [tenant_id])
                periods.reopen(operator, period, "finance", "to compute it again")
                return f"{tenant_id}'s February is reopened"
        return f"{tenant_id}'s February is approved"

    def failure(self) -> str:
        day = self._day()
        self.warehouse.failed_pull("vapi", "cal", day, "credential_rejected")
        return f"a failed pull of {day}"

    def next_day(self) -> str:
        self.as_of += timedelta(days=1)
        return f"it is {self.as_of}"

    def nothing(self) -> str:
        return "nothing"

    def _later(self) -> str:
        self.day_of_control += timedelta(days=1)
        return str(self.day_of_control)

    def _killed_after(self, nodes: int) -> str:
        left = iter(range(nodes - 1, -1, -1))
        killed = self.warehouse.killed_build(self.as_of, lambda _: next(left) == 0)
        return f"a build killed after {nodes} nodes" if killed else "a build"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.marts.walk", description=__doc__)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="the same seed, the same walk")
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}, {chosen.steps} steps\n")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        warehouse = opened(url, Path(folder) / "home")
        with warehouse.connection:
            walk = Walk(warehouse, chosen.seed)
            for number in range(1, chosen.steps + 1):
                sys.stdout.write(f"{number}: {walk.step()}\n")
                sys.stdout.flush()
                if found := walk.differences():
                    sys.stdout.write("".join(f"{table}: {rows}\n" for table, rows in found.items()))
                    return 1
    sys.stdout.write("every mart was after each step what a build of all made of it\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A tenant with a fee of 100.00 and a meter, its months at Stripe, its statements, and the command line over both."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app
from tests.stripe_billing.scene import KEY, STATEMENT_LINES, Scene, month_of
from warehouse.clock import OFFSET, offset_to

DAY = 86_400
NOV, DEC, JAN = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)


class Close:
    """The close of acme's months. Amounts are text, as on a statement."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch, currency: str = "USD") -> None:
        self.scene, self._monkeypatch, self.currency = scene, monkeypatch, currency
        scene.owner.execute(STATEMENT_LINES)
        scene.owner.execute(
            f"""
            insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', '{currency}');
            insert into control.plan_terms (plan_id, valid_from, subscription_fee)
            values ('starter', '2026-01-01', 100);
            """
        )
        self.meter = scene.meter()["id"]
        for name, value in {
            "MINUTEBOOK_DATABASE_URL": scene.url, "MINUTEBOOK_STRIPE_URL": scene.stripe.url,
            "MINUTEBOOK_STRIPE_API_KEY": KEY, "MINUTEBOOK_STRIPE_GRACE_HOURS": "72",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)

    @property
    def stripe(self) -> Any:
        return self.scene.stripe

    def at(self, moment: str) -> None:
        """Let time pass at Stripe until then."""
        self.stripe.advance(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() - self.stripe.now)

    def price(self, amount: str, meter: str | None = None, **marks: str) -> str:
        """A price at Stripe in minor units; a fee without a meter."""
        product = self.stripe.catalogue.create_product({"name": "x"})["id"]
        recurring = {"interval": "month", "usage_type": "metered" if meter else "licensed"}
        params = {
            "product": product,
            "currency": self.currency.lower(),
            "unit_amount_decimal": amount,
            "metadata": marks,
        }
        made = self.stripe.catalogue.create_price(
            {**params, "recurring": recurring | ({"meter": meter} if meter else {})}
        )
        return str(made["id"])

    def tenant(self, *, active_from: date = NOV, subscribes: bool = True, **params: Any) -> None:
        """acme with its customer and, unless said otherwise, a subscription made now."""
        owner = self.scene.owner
        self.stripe.catalogue.create_customer({"id": "cus_acme"})
        owner.execute(
            "insert into control.tenants (tenant_id, name, currency, anchor_day, stripe_customer_id, feature_flags)"
            """ values ('acme', 'Acme', %s, 1, 'cus_acme', '{"stripe_posting": true}')""",
            [self.currency],
        )
        owner.execute("insert into control.tenant_statuses values ('acme', %s, 'active')", [active_from])
        owner.execute("insert into control.tenant_plans values ('acme', %s, 'starter')", [date(2026, 1, 1)])
        if subscribes:
            self.subscribe(**params)

    def subscribe(self, **params: Any) -> dict[str, Any]:
        anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
        items = [{"price": self.price("10000")}, {"price": self.price("15", self.meter)}]
        made: dict[str, Any] = self.stripe.catalogue.create_subscription(
            {"customer": "cus_acme", "items": items, "billing_cycle_anchor_config": anchor, **params}
        )
        return made

    def approve(self, start: date = NOV, **lines: str) -> None:
        """A statement with these lines, by kind; `adjustment` corrects the month before."""
        end = month_of(start)[1]
        self.scene.owner.execute(
            "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
            " values ('acme', %s, %s, 'approved', 'x')", [start, end],
        )  # fmt: skip
        for kind, amount in lines.items():
            meter = "voice" if kind == "overage" else None
            name = f"acme/{start}/{kind}" + (f"/{meter}" if meter else "")
            before = month_of(date.fromordinal(start.toordinal() - 1))
            service = before if kind == "adjustment" else (start, end)
            corrects = f"acme/{service[0]}/overage/voice" if kind == "adjustment" else None
            self.scene.owner.execute(
                "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, meter_id, amount,"
                " currency, service_period_start, service_period_end, corrects_line_id, inputs)"
                " values (%s, 'acme', %s, %s, %s, %s, %s, %s, %s, %s, '{}')",
                [name, start, kind, meter, Decimal(amount), self.currency, *service, corrects],
            )

    def use(self, day: date, units: int) -> None:
        self.scene.overage("acme", day, units)

    def __call__(self, line: str, code: int = 0) -> Result:
        """One command, at the moment that it is at Stripe."""
        self._monkeypatch.setenv(OFFSET, offset_to(self.scene.now()))
        arguments = shlex.split(line.removeprefix("minutebook "))
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, f"{line}: exit {result.exit_code}\n{result.output}\n{result.exception!r}"
        return result

    def final(self, month: str = "2026-11") -> list[dict[str, Any]]:
        """The lines that `reconcile --final` shows."""
        self._monkeypatch.setenv(OFFSET, offset_to(self.scene.now()))
        result = CliRunner().invoke(app, ["reconcile", "--final", month, "--json"])
        assert result.exit_code in (0, 1), f"{result.output}\n{result.exception!r}"
        lines: list[dict[str, Any]] = json.loads(result.stdout[: result.stdout.rindex("}") + 1])["lines"]
        assert result.exit_code == any(line["code"] for line in lines)
        return lines

    def findings(self, month: str = "2026-11") -> list[tuple[str, str, str]]:
        """Line, code and difference of each finding."""
        return [(line["line"], line["code"], line["difference"]) for line in self.final(month) if line["code"]]

    def follow(self, code: str, month: str = "2026-11", edit: Callable[[str], str] = lambda line: line) -> None:
        """Run exactly what is printed of the findings of a code; what is left to a person to word is filled in."""
        printed = [line["what_to_do"] for line in self.final(month) if line["code"] == code]
        assert printed, f"no finding {code}: {self.findings(month)}"
        for line in dict.fromkeys(printed):
            self(edit(line).replace("REASON", "'agreed with Acme'"))

    def invoices(self) -> list[dict[str, Any]]:
        return list(self.stripe.invoicing.invoices.values())

    def items(self) -> list[int]:
        return [item["amount"] for item in self.stripe.invoicing.items.values()]

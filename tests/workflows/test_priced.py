"""Tokens that were pushed are billed and costed by model and kind, at the unit cost of their day."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx

from tests.ingestion.conftest import Minutebook, house, minutebook  # noqa: F401 - fixtures
from tests.ingestion.house import House
from tests.intake.served import event, key, serving
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture

PRICES = {("small", "input"): "0.001", ("small", "output"): "0.004", ("large", "output"): "0.05"}
COSTS = {("small", "input"): "0.0002", ("small", "output"): "0.0008", ("large", "output"): "0.01"}


def test_pushed_tokens_are_priced_and_costed_by_model_with_dated_unit_costs(
    house: House,  # noqa: F811
    minutebook: Minutebook,  # noqa: F811
) -> None:
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-11-01",
        "plan create flows --name Flows --currency USD",
        "plan terms flows --from 2026-11-01 --subscription-fee 10",
    ):
        minutebook(line)
    for (model, kind), amount in PRICES.items():
        meter = f"{model}_{kind}"
        what = f"--source events --item llm.tokens --filter model={model} --filter kind={kind}"
        minutebook(f'meter create {meter} --name "{model} {kind}" --unit token {what}')
        minutebook(f"price set --plan flows --meter {meter} --from 2026-11-01 --amount {amount}")
        minutebook(f"cost unit {meter} {COSTS[model, kind]} --from 2026-10-01 --currency USD")
    minutebook("cost unit large_output 0.02 --from 2026-11-02 --currency USD")
    minutebook("tenant plan acme flows --from 2026-11-01")

    def call(number: int, day: int, model: str, **tokens: int) -> dict[str, object]:
        data = {"quantities": tokens, "unit": "token", "model": model}
        at = f"2026-11-0{day}T10:00:00Z"
        return event(f"run-{number}", source="/langgraph/prod", type="llm.tokens", time=at, data=data)

    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    with serving(house.url, house.settings.home, now=lambda: now) as address:
        authorized = {"Authorization": f"Bearer {key(house.url, 'acme')}"}
        pushed = [
            call(1, 1, "small", input=812, output=77),
            call(2, 1, "large", input=0, output=40),
            call(3, 2, "large", input=0, output=25),
        ]
        answer = httpx.post(f"{address}/v1/events", json=pushed, headers=authorized, timeout=30)
    assert answer.json() == {"accepted": 3, "duplicates": 0}
    minutebook("pull --from 2026-11-01 --to 2026-11-02 --source events")
    minutebook("build")
    lines = {
        row["meter_id"]: (int(row["quantity"]), row["amount"])
        for row in house.execute(
            "select meter_id, quantity, amount from marts.fct_statement_lines where line_kind = 'overage'"
        )
    }
    assert lines == {
        "small_input": (812, Decimal("0.81")),
        "small_output": (77, Decimal("0.31")),
        "large_output": (65, Decimal("3.25")),
    }
    costs = house.execute(
        "select usage_date, sum(amount) as cost from marts.fct_costs_daily where tenant_id = 'acme' group by usage_date"
    )
    spent = {row["usage_date"].day: row["cost"] for row in costs if row["cost"]}
    assert spent == {
        1: 812 * Decimal("0.0002") + 77 * Decimal("0.0008") + 40 * Decimal("0.01"),
        2: 25 * Decimal("0.02"),
    }

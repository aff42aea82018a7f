"""Explain, margin, forecast, price simulate and canary on marts dbt built: success, nothing there, bad input, JSON."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Minutebook
from tests.conftest import BUILDING, TEMPLATE, own_database
from tests.money.acme import LINE

Database = psycopg.Connection[Any]
JANUARY = "price simulate 2026-01 --meter scans"


def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def database_url(postgres_server: str, january: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of it for each test, or nothing built."""
    template = TEMPLATE if request.node.get_closest_marker("unbuilt") else january
    with own_database(postgres_server, template, BUILDING) as url:
        yield url


@pytest.fixture
def built(minutebook: Minutebook) -> Minutebook:
    return minutebook


def test_a_line_is_explained_down_to_its_pulls(built: Minutebook) -> None:
    assert "Days, as known now" in built(f"explain {LINE}").stdout
    reported = json.loads(built(f"explain {LINE} --json").stdout)
    assert (reported["line"]["amount"], reported["faults"]) == ("0.85", [])  # 2 × 0.105 + 10 × 0.06375 = 0.8475
    assert [day["overage_quantity"] for day in reported["days"]] == ["0", "12"]
    assert "no statement line" in built("explain acme/2026-01-01/overage/nothing", code=1).stderr


def test_what_a_program_reads_has_every_digit_and_no_exponent(built: Minutebook, database: Database) -> None:
    database.execute(
        "update marts.fct_statement_lines set inputs = inputs || '{\"a\": 0.12345678901234567}',"
        " unrounded_amount = 0.0000001 where line_id = %s",
        [LINE],
    )
    reported = json.loads(built(f"explain {LINE} --json", code=1).stdout)
    assert reported["faults"][0].startswith("the line amounts to 0.0000001 before rounding")
    assert (reported["line"]["inputs"]["a"], reported["line"]["unrounded_amount"]) == (
        "0.12345678901234567",
        "0.0000001",
    )
    assert ",0.0000001," in built("export fct_statement_lines").stdout
    assert '"0.0000001"' in built("export fct_statement_lines --json").stdout


def test_a_price_is_simulated_and_nothing_is_changed(built: Minutebook, database: Database) -> None:
    before = database.execute("select revision from control.revision").fetchall()
    (row,) = json.loads(built(f"{JANUARY} --plan basic --amount 0.10 --json").stdout)
    assert (row["billed_amount"], row["simulated_amount"], row["difference"]) == ("0.85", "1.20", "0.35")
    assert "0.35" in built(f"{JANUARY} --plan basic --amount 0.10").stdout
    assert json.loads(built("price simulate 2025-01 --meter scans --plan basic --amount 1 --json").stdout) == []
    assert "no priced usage" in built("price simulate 2025-01 --meter scans --plan basic --amount 1").stdout
    assert "name exactly one" in built(f"{JANUARY} --amount 1", code=1).stderr
    assert "no plan 'other'" in built(f"{JANUARY} --plan other --amount 1", code=1).stderr
    assert "no meter 'other'" in built("price simulate 2026-01 --meter other --plan basic --amount 1", code=1).stderr
    assert "is no period" in built("price simulate January --meter scans --plan basic --amount 1", code=2).stderr
    assert database.execute("select revision from control.revision").fetchall() == before


def test_a_tenant_whose_own_price_wins_is_in_no_simulation_of_its_plan(built: Minutebook) -> None:
    built("price set --tenant acme --meter scans --from 2020-01-01 --amount 0.05")
    built("build")
    assert json.loads(built(f"{JANUARY} --plan basic --amount 0.10 --json").stdout) == []
    (row,) = json.loads(built(f"{JANUARY} --tenant acme --amount 0.10 --json").stdout)
    assert (row["billed_amount"], row["simulated_amount"]) == ("0.60", "1.20")


def test_a_forecast_states_its_method_and_what_it_assumed(built: Minutebook, database: Database) -> None:
    (unread,) = json.loads(built("forecast --json").stdout)["forecasts"]
    if today().day == 1:
        assert unread["why_not"] == "no day of it has been read yet"
        return
    assert today().day == 2 or (unread["total"] is None and " missing up to " in unread["why_not"])
    database.execute(
        "update marts.fct_tenant_day_status set status = 'no usage'"
        " where usage_date < current_date and status not in ('usage', 'in progress')"
    )
    reported = json.loads(built("forecast --json").stdout)
    assert "the mean of the whole days among the last 28" in reported["method"]
    (forecast,) = reported["forecasts"]
    (meter,) = forecast["meters"]
    to_come = (date.fromisoformat(forecast["period_end"]) - today()).days
    assert (meter["daily_mean"], meter["days_looked_at"], meter["allowance"]) == ("10.00", 28, "100")
    assert int(meter["quantity"]) == int(meter["quantity_so_far"]) + 10 * to_come
    assert forecast["total"] == forecast["overage"] == meter["amount"] != "0.00"
    assert "method: the days that were read as known now" in built("forecast --tenant acme").stdout
    assert "no tenant 'other'" in built("forecast --tenant other", code=1).stderr


def test_a_margin_is_shown_by_period_meter_agent_and_day_and_sums_to_the_same(built: Minutebook) -> None:
    (period,) = json.loads(built("margin 2026-01 --json").stdout)
    assert (period["revenue"], period["cost_reported"], period["margin"]) == ("0.85", "0.02", "0.83")
    for by, part, named in (("meter", "meter_id", "scans"), ("agent", "agent_id", "acme-agent")):
        (row,) = json.loads(built(f"margin 2026-01 --by {by} --json").stdout)
        assert (row[part], Decimal(row["revenue"]), Decimal(row["margin"])) == (
            named,
            Decimal("0.8475"),
            Decimal("0.8275"),
        )
    days = json.loads(built("margin 2026-01 --by day --tenant acme --json").stdout)
    assert [day["usage_date"] for day in days if Decimal(day["cost_reported"])] == ["2026-01-05", "2026-01-06"]
    assert sum(Decimal(day["margin"]) for day in days) == Decimal("0.8275")
    assert "scans" in built("margin 2026-01 --by meter").stdout
    assert "has revenue or costs" in built("margin 2020-01").stdout
    assert "no tenant 'other'" in built("margin 2026-01 --tenant other", code=1).stderr


def test_numbers_from_old_marts_say_why_they_are_old_and_are_shown_nonetheless(
    built: Minutebook, database: Database
) -> None:
    assert "older than" not in built("forecast").stderr
    database.execute(
        "insert into ledger.builds (as_of, ended_at, fault, models_digest)"
        " values ('2026-02-01', now(), 'a test of it', '')"
    )
    built("price set --tenant acme --meter scans --from 2020-01-01 --amount 0.05")
    for line in (f"{JANUARY} --plan basic --amount 1", "forecast", f"explain {LINE}", "margin 2026-01"):
        reported = built(line)
        assert "a test of it); run: minutebook build" in " ".join(reported.stderr.split()), line
        assert reported.stdout


@pytest.mark.resolves("canary_missing")
@pytest.mark.unbuilt
def test_before_a_build_and_without_a_tenant_each_says_what_to_do(minutebook: Minutebook) -> None:
    for line in (f"explain {LINE}", f"{JANUARY} --plan basic --amount 1", "forecast", "canary check", "margin 2026-01"):
        assert "minutebook build" in minutebook(line, code=1).stderr, line
    minutebook("build")
    assert json.loads(minutebook("forecast --json").stdout)["forecasts"] == []
    assert "no period runs today" in minutebook("forecast").stdout
    assert "run: minutebook canary install" in minutebook("canary check", code=1).stderr
    assert "no canary is installed" in minutebook("doctor").stdout
    minutebook("canary install")
    with_it = minutebook("doctor", code=None).stdout
    assert "no canary is installed" not in with_it
    assert "is to be read" not in with_it, "its month is long over, and nobody else uses a source"


def test_the_canary_is_installed_by_init_checked_and_red_when_it_is_wrong(
    minutebook: Minutebook, database: Database
) -> None:
    assert json.loads(minutebook("init --json").stdout)["canary"] is True
    assert json.loads(minutebook("canary install --json").stdout) == {"installed": False}
    minutebook("build")
    assert json.loads(minutebook("canary check --json").stdout) == []
    assert "as known" in minutebook("canary check").stdout
    assert "no statement's period starts in 2024-02" in minutebook("review 2024-02", code=1).stderr
    database.execute("update control.plan_terms set setup_fee = 499 where plan_id = 'canary'")
    minutebook("build")
    red = minutebook("canary check --json", code=1)
    (line,) = json.loads(red.stdout)
    assert (line["line_kind"], line["known_amount"], line["computed_amount"]) == ("setup", "500.00", "499.00")
    assert "docs/runbooks/the-canary-is-red.md" in red.stderr

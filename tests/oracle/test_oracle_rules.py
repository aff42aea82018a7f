"""The oracle itself, against the numbers of the money rules."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.oracle.margins import add_costs, costs_by_day, margin
from tests.oracle.money import priced, rounded, to_minor_unit
from tests.oracle.periods import period_of, periods
from tests.oracle.statements import Line, corrected, own_lines, quantities, statement_lines, totals, waterfall
from tests.oracle.usage import Cost, Pull, Used, current, is_running, usage, voice_units
from tests.oracle.worlds.book import (
    Allowance,
    Attachment,
    Book,
    Credit,
    FixedCost,
    Meter,
    PlanChoice,
    Price,
    Project,
    Rate,
    Status,
    Tenant,
    Terms,
    Tier,
    UnitCost,
)  # fmt: skip

JAN = date(2026, 1, 1)


def price(model: str = "per_unit", amount: str | None = "0.10", **more: Any) -> Price:
    unit_amount = None if amount is None else Decimal(amount)
    return Price("plan", "minutes", date(2020, 1, 1), model, unit_amount, **more)


def book(tenant: Tenant, *, terms: Terms | None = None, prices: tuple[Price, ...] = (), included: int = 0) -> Book:
    return Book(
        tenants=[tenant],
        meters=[Meter("minutes", "vapi", 60, 0), Meter("interactions", "voiceflow", item="interactions"),
                Meter("scans", "usage_metrics", item="ocr")],
        terms=[terms or Terms("plan", date(2020, 1, 1), voice_meter_id="minutes")],
        allowances=[Allowance("plan", "minutes", date(2020, 1, 1), included)],
        prices=list(prices),
    )  # fmt: skip


def tenant(since: date = JAN, *, closed: date | None = None, anchor: int = 1, **more: Any) -> Tenant:
    statuses = (Status(since, "active"), *([Status(closed, "closed")] if closed else []))
    return Tenant(
        "acme", more.pop("currency", "USD"), anchor, statuses, (PlanChoice(date(2020, 1, 1), "plan"),), **more
    )


def lines_of(world: Book, by_day: dict[date, int], as_of: date = date(2026, 1, 31)) -> dict[str, Line]:
    lines = statement_lines(world, world.tenants[0], as_of, {("acme", "minutes"): by_day})
    return {line.line_id: line for line in lines}


@pytest.mark.parametrize(
    ("milliseconds", "increment", "minimum", "units"),
    [(61_000, 30, 0, 3), (1_000, 6, 30, 5), (0, 6, 30, 0), (60_000, 60, 0, 1), (60_001, 60, 0, 2), (1, 60, 0, 1)],
)
def test_voice_is_counted_in_started_increments(milliseconds: int, increment: int, minimum: int, units: int) -> None:
    assert voice_units(Meter("m", "vapi", increment, minimum), timedelta(milliseconds=milliseconds)) == units


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("0.465", "USD", "0.47"), ("-0.465", "USD", "-0.47"), ("0.5", "JPY", "1"), ("0.005", "KWD", "0.01"),
     ("0.0135", "USD", "0.01"), ("0.5", "ISK", "1"), ("1.49", "UGX", "1")],
)  # fmt: skip
def test_an_amount_is_rounded_half_away_from_zero_to_the_minor_unit(amount: str, currency: str, expected: str) -> None:
    assert to_minor_unit(Decimal(amount), currency) == Decimal(expected)


def test_tiers_count_from_the_first_unit_of_overage_and_include_their_bound() -> None:
    tiers = (Tier(10, Decimal("0.10")), Tier(None, Decimal("0.05")))
    assert priced(price("graduated", None, tiers=tiers), 10) == (10, Fraction(1))
    assert priced(price("graduated", None, tiers=tiers), 11) == (11, Fraction("1.05"))
    assert priced(price("volume", None, tiers=tiers), 10) == (10, Fraction(1))
    assert priced(price("volume", None, tiers=tiers), 11) == (11, Fraction("0.55"))


def test_a_package_rounds_up_and_no_package_is_begun_by_nothing() -> None:
    package = price("package", "5", package_size=100)
    assert [priced(package, n)[1] for n in (0, 1, 100, 101)] == [0, 5, 5, 10]


def test_what_lies_above_a_bounded_last_tier_has_no_price() -> None:
    bounded = price("graduated", None, tiers=(Tier(10, Decimal(1)),))
    assert priced(bounded, 12) == (10, Fraction(10))


def test_100_from_the_22nd_of_january_is_10_of_31_days() -> None:
    world = book(tenant(date(2026, 1, 22)), terms=Terms("plan", JAN, Decimal(100)))
    assert lines_of(world, {})["acme/2026-01-01/subscription"].amount == Decimal("32.26")


def test_an_allowance_of_31_prorated_over_10_of_29_days_is_11() -> None:
    world = book(
        tenant(date(2024, 2, 20)), terms=Terms("plan", date(2020, 1, 1), prorates_allowance=True),
        prices=(price(),), included=31,
    )  # fmt: skip
    lines = lines_of(world, {date(2024, 2, 20): 12}, date(2024, 2, 29))
    assert lines["acme/2024-02-01/overage/minutes"].quantity == 1


def test_a_version_from_march_1_applies_from_the_period_of_march_15() -> None:
    world = book(
        tenant(anchor=15), prices=(price(), Price("plan", "minutes", date(2026, 3, 1), "per_unit", Decimal(1)))
    )
    lines = lines_of(world, {date(2026, 3, 14): 1, date(2026, 3, 15): 1}, date(2026, 3, 20))
    assert lines["acme/2026-02-15/overage/minutes"].amount == Decimal("0.10")
    assert lines["acme/2026-03-15/overage/minutes"].amount == Decimal("1.00")


def test_a_tenants_own_price_wins_and_outlives_a_change_of_plan() -> None:
    own = Price("acme", "minutes", JAN, "per_unit", Decimal(7), of_tenant=True)
    changed = Tenant(
        "acme", "USD", 1, (Status(JAN, "active"),), (PlanChoice(JAN, "plan"), PlanChoice(date(2026, 2, 1), "b"))
    )
    world = book(changed, prices=(price(), own, Price("b", "minutes", JAN, "per_unit", Decimal(2))))
    assert world.price_on(changed, "minutes", date(2026, 2, 1)) is own
    world.prices.append(Price("acme", "minutes", date(2026, 2, 1), "plan", of_tenant=True))
    del world.__dict__["_prices"]
    assert world.price_on(changed, "minutes", date(2026, 2, 1)) is world.prices[2]


def test_three_agents_of_0_0045_make_one_cent() -> None:
    world = book(tenant(), prices=(price(amount="0.0045"),))
    assert lines_of(world, {JAN: 3})["acme/2026-01-01/overage/minutes"].amount == Decimal("0.01")


def test_no_line_without_quantity_and_a_line_of_zero_stands() -> None:
    world = book(tenant(), prices=(price(amount="0"),), included=5)
    assert "acme/2026-01-01/overage/minutes" not in lines_of(world, {JAN: 5})
    assert lines_of(world, {JAN: 6})["acme/2026-01-01/overage/minutes"].amount == 0


def test_without_a_price_all_usage_is_unpriced_the_allowance_too() -> None:
    world = book(tenant(), included=5)
    _, _, unpriced = own_lines(world, world.tenants[0], JAN, {("acme", "minutes"): {JAN: 7}})
    assert unpriced == {(JAN, "minutes"): 7}


def test_overage_falls_by_day_order() -> None:
    days = {date(2026, 1, 2): 5, JAN: 4, date(2026, 1, 3): 1}
    assert [row.overage for row in waterfall("acme", "m", days, 6)] == [0, 3, 1]


def test_the_minimum_is_prorated_and_charges_the_shortfall() -> None:
    terms = Terms("plan", date(2020, 1, 1), Decimal(31), minimum_amount=Decimal(310))
    world = book(tenant(date(2026, 1, 22)), terms=terms, prices=(price(amount="1"),))
    lines = lines_of(world, {date(2026, 1, 22): 20})
    assert lines["acme/2026-01-01/minimum"].amount == Decimal("70.00")  # 310 × 10/31 − 10 − 20


def test_credits_are_spent_soonest_expiry_first_and_never_below_zero() -> None:
    credits_ = (Credit(1, Decimal(50), JAN), Credit(2, Decimal(30), JAN, date(2026, 2, 1)))
    world = book(tenant(credits=credits_), terms=Terms("plan", JAN, Decimal(40)))
    lines = statement_lines(world, world.tenants[0], date(2026, 2, 28), {})
    assert totals(lines) == {JAN: Decimal(0), date(2026, 2, 1): Decimal(0)}
    lines = statement_lines(world, world.tenants[0], date(2026, 3, 1), {})
    assert totals(lines)[date(2026, 3, 1)] == Decimal("40.00")


def test_a_credit_is_spent_on_a_correction_that_comes_after_the_closing_date() -> None:
    closed = tenant(closed=date(2026, 1, 12), credits=(Credit(1, Decimal(30), JAN),))
    world = book(closed, prices=(price(),))
    billed = Line("acme", JAN, "overage", "minutes", 100, Decimal(10), "USD", JAN)
    frozen = {JAN: [billed], date(2026, 1, 12): []}
    used = {("acme", "minutes"): {JAN: 350}}
    lines = statement_lines(world, closed, date(2026, 2, 20), used, frozen)
    carried = {(one.kind, one.amount) for one in lines if one.period_start == date(2026, 2, 1)}
    assert carried == {("adjustment", Decimal(25)), ("credit", Decimal(-25))}


def test_frozen_2_units_are_0_21_and_now_6_units_are_adjusted_by_4_and_0_26() -> None:
    tiers = (Tier(2, Decimal("0.105")), Tier(None, Decimal("0.06375")))
    world = book(tenant(), prices=(price("graduated", None, tiers=tiers),))
    line = Line("acme", JAN, "overage", "minutes", 2, Decimal("0.21"), "USD", JAN)
    assert lines_of(world, {JAN: 2})[line.line_id].amount == Decimal("0.21")
    now = {("acme", "minutes"): {JAN: 6}}
    lines = statement_lines(world, world.tenants[0], date(2026, 2, 3), now, {JAN: [line]})
    (adjustment,) = [one for one in lines if one.kind == "adjustment"]
    assert (adjustment.period_start, adjustment.service_start) == (date(2026, 2, 1), JAN)
    assert (adjustment.quantity, adjustment.amount, adjustment.corrects) == (4, Decimal("0.26"), line.line_id)
    frozen = {JAN: [line], date(2026, 2, 1): [adjustment]}
    again = statement_lines(world, world.tenants[0], date(2026, 3, 3), now, frozen)
    assert [one for one in again if one.kind == "adjustment"] == [adjustment]


def test_a_closed_tenants_correction_starts_a_statement_at_its_closing_date() -> None:
    world = book(tenant(closed=date(2026, 1, 20)), prices=(price(),))
    lines = statement_lines(
        world, world.tenants[0], date(2026, 3, 1), {("acme", "minutes"): {JAN: 3}}, {JAN: []}
    )  # fmt: skip
    (adjustment,) = lines
    assert (adjustment.period_start, adjustment.amount) == (date(2026, 1, 20), Decimal("0.30"))


def test_the_activation_day_is_billed_and_the_closing_date_is_not() -> None:
    period = period_of(tenant(date(2026, 1, 10), closed=date(2026, 1, 20)), date(2026, 1, 10))
    assert period is not None
    assert period.billed_days == 10
    assert period_of(tenant(closed=date(2026, 2, 1)), date(2026, 2, 1)) is None


def test_periods_turn_at_the_anchor_day_and_count_the_leap_day() -> None:
    found = periods(tenant(date(2024, 1, 28), anchor=28), date(2024, 3, 28))
    assert [(one.start, one.days) for one in found] == [
        (date(2024, 1, 28), 31), (date(2024, 2, 28), 29), (date(2024, 3, 28), 31)
    ]  # fmt: skip


def call(**fields: Any) -> dict[str, Any]:
    return {
        "id": "c", "createdAt": "2026-01-31T23:59:59.999Z", "status": "ended", "phoneNumberId": "p",
        "startedAt": "2026-02-01T00:00:10.000Z", "endedAt": "2026-02-01T00:01:11.000Z", **fields,
    }  # fmt: skip


def routed(world: Book, *calls: dict[str, Any], account: str = "platform", day: date = JAN) -> list[Used]:
    world.attachments = [
        Attachment("vapi_phone_number", "p", JAN, "acme", "front"),
        Attachment("vapi_assistant", "a", JAN, "acme", "back"),
    ]
    return usage(world, [Pull("vapi", account, day, calls)])


def test_a_call_routes_by_number_then_assistant_then_nobody() -> None:
    world = book(tenant())
    used = routed(world, call(), call(phoneNumberId="x", assistantId="a"), call(phoneNumberId="x"))
    assert [(one.agent_id, one.quantity, one.reason) for one in used] == [
        ("front", 2, None), ("back", 2, None), (None, 1, "unattributed")
    ]  # fmt: skip


def test_end_before_start_is_an_error_and_half_a_call_never_connected() -> None:
    wrong = call(endedAt="2026-02-01T00:00:09Z", costs=[{"type": "vapi", "cost": 0.1}])
    half = call(startedAt=None, cost=0.01)
    used = routed(book(tenant()), wrong, half)
    assert [(one.quantity, one.reason) for one in used] == [(1, "error"), (0, None)]
    assert [one.costs[0].component for one in used] == ["vapi", "total"]


@pytest.mark.parametrize(
    ("fields", "running"),
    [({"status": "in-progress"}, True), ({"status": None, "endedAt": None}, True), ({"status": None}, False),
     ({"status": "scheduled", "endedAt": None}, False), ({"status": "not-found", "endedAt": None}, False)],
)  # fmt: skip
def test_a_call_in_progress_makes_its_day_incomplete(fields: dict[str, Any], running: bool) -> None:
    assert is_running(call(**fields)) is running


def test_usage_of_a_pause_and_outside_the_active_dates_is_reported_not_billed() -> None:
    statuses = (Status(JAN, "active"), Status(date(2026, 1, 5), "paused"), Status(date(2026, 1, 20), "closed"))
    paused = Tenant("acme", "USD", 1, statuses, (PlanChoice(JAN, "plan"),))
    world = book(paused)
    days = {"before": date(2025, 12, 31), "paused": date(2026, 1, 5), "closed": date(2026, 1, 20)}
    world.attachments = [Attachment("usage_agent", "u", date(2020, 1, 1), "acme", "front")]
    row = {"agent_id": "u", "metric_type": "ocr", "quantity": 3, "cost_usd": Decimal("0.225")}
    used = usage(world, [Pull("usage_metrics", "acme", day, (row,)) for day in days.values()])
    assert [one.reason for one in used] == ["outside active dates", "paused", "outside active dates"]
    assert all(one.costs for one in used)


def test_an_empty_later_answer_wins() -> None:
    assert current([Pull("vapi", "acme", JAN, (call(),)), Pull("vapi", "acme", JAN, ())]) == [
        Pull("vapi", "acme", JAN, ())
    ]


def test_voiceflow_bills_live_interactions_of_production_alone() -> None:
    world = book(tenant())
    world.projects = [Project("p", "acme", "chat", JAN), Project("d", "acme", "chat", JAN, environment="development")]
    rows = tuple(
        {"project_id": project, "metric": metric, "type": kind, "quantity": 2}
        for project, metric, kind in (
            ("p", "interactions", "dialog-management"), ("p", "interactions", "canvas-prototype"),
            ("p", "interactions", "brand-new"), ("p", "unique_users", None), ("d", "interactions", "dialog-management"),
        )
    )  # fmt: skip
    used = usage(world, [Pull("voiceflow", "acme", JAN, rows)])
    assert [one.reason for one in used] == [None, "prototype", "unknown type", "prototype"]


@pytest.mark.parametrize(("minute", "cost", "percent"), [("0.10", "65.75", "73.59"), ("0.30", "145.75", "41.47")])
def test_the_published_example_comes_out_to_the_cent(minute: str, cost: str, percent: str) -> None:
    world = book(
        tenant(), terms=Terms("plan", JAN, Decimal(249), voice_meter_id="minutes"), prices=(price("per_unit", "0"),)
    )
    world.fixed_costs = [FixedCost("hosting", JAN, Decimal(25), "USD")]
    world.unit_costs = [UnitCost("minutes", JAN, Decimal(minute), "USD")]
    world.attachments = [Attachment("usage_agent", "u", JAN, "acme", None)]
    calls = [call(startedAt="2026-01-01T00:00:00Z", endedAt="2026-01-01T06:40:00Z")]
    used = routed(world, *calls)
    world.attachments = [Attachment("usage_agent", "u", JAN, "acme", None)]
    del world.__dict__["_attachments"]
    scans = {"agent_id": "u", "metric_type": "ocr", "quantity": 10, "cost_usd": Decimal("0.75")}
    lookups = {"agent_id": "u", "metric_type": "lookup", "quantity": 100, "cost_usd": Decimal(0)}
    used += usage(world, [Pull("usage_metrics", "acme", JAN, (scans, lookups))])
    costs = costs_by_day(world, used, JAN, date(2026, 1, 31))
    period = period_of(world.tenants[0], JAN)
    assert period is not None
    lines = statement_lines(world, world.tenants[0], date(2026, 1, 31), quantities(used))
    result = margin(world.tenants[0], period, lines, costs)
    assert (rounded(result.cost, 2), result.percent) == (Decimal(cost), Decimal(percent))


def test_an_own_account_is_billed_elsewhere_and_left_out_of_margin() -> None:
    world = book(tenant(own_vapi_from=JAN), terms=Terms("plan", JAN, Decimal(10), voice_meter_id="minutes"))
    used = routed(world, call(phoneNumberId="x", cost=3), account="acme")
    period = period_of(world.tenants[0], JAN)
    assert period is not None
    costs = costs_by_day(world, used, JAN, date(2026, 1, 31))
    lines = statement_lines(world, world.tenants[0], JAN, quantities(used))
    result = margin(world.tenants[0], period, lines, costs)
    assert (result.cost, result.costs) == (0, {"billed_elsewhere": Fraction(3)})
    assert result.percent == Decimal("100.00")


def test_what_another_account_charged_is_unknown_where_a_part_of_it_is() -> None:
    world = book(tenant(own_vapi_from=JAN), terms=Terms("plan", JAN, Decimal(10), voice_meter_id="minutes"))
    period = period_of(world.tenants[0], JAN)
    assert period is not None
    costs = costs_by_day(world, [], JAN, date(2026, 1, 31))
    bills = [Cost("carrier", "billed_elsewhere", Fraction(3), currency) for currency in ("USD", "EUR")]  # EUR: no rate
    add_costs(world, costs, [(("acme", None), JAN, cost) for cost in bills])
    result = margin(world.tenants[0], period, [], costs)
    assert (result.elsewhere, result.cost) == (None, 0)
    assert result.completeness(days_are_known=True) == "partly billed elsewhere"


def test_a_cost_is_converted_at_the_rate_of_its_usage_day() -> None:
    world = book(tenant(currency="EUR"))
    world.rates = [Rate("USD", "EUR", JAN, Decimal("0.5")), Rate("USD", "EUR", date(2026, 1, 2), Decimal(2))]
    used = routed(world, call(cost=1), day=date(2026, 1, 2))
    costs = costs_by_day(world, used, JAN, date(2026, 1, 2))
    assert costs["acme", date(2026, 1, 2)] == {("total", "reported_by_voice"): Fraction(2)}


def test_a_period_that_another_corrects_or_corrects_again_after_it_is_not_reopened() -> None:
    jan, feb, mar, april = (date(2026, month, 1) for month in (1, 2, 3, 4))

    def corrects(start: date, quantity: int) -> Line:
        amount = Decimal(quantity)
        return Line("acme", start, "adjustment", "minutes", quantity, amount, "USD", jan, f"acme/{jan}/overage/minutes")

    frozen = {jan: [], feb: [corrects(feb, 5)], mar: [corrects(mar, -5)], april: []}
    assert corrected(frozen, jan, {feb, mar, april}) == "own"
    assert corrected(frozen, feb, {mar, april}) == "adjusted"
    assert corrected(frozen, feb, {april}) is None  # approved again after March
    assert corrected(frozen, mar, {april}) is None
    assert corrected(frozen, april, set()) is None

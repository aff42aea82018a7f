"""What bills leave unknown or with nobody: named in words, with a command, and gone once that was done."""

import json
import shlex
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestration.cli import app
from tests.cli.conftest import Minutebook
from tests.cli.pseudo_terminal import shown
from tests.cli.test_terminal import ENDLESS, assert_fits, commands, numbers
from tests.marts import bills
from tests.marts.bills import carried, charge, covers, line, publish, spoken
from tests.marts.test_first_bill import plan, voice_meter
from tests.marts.warehouse_of_one import Warehouse, call, opened
from warehouse.calls import calls
from warehouse.database.connect import Role, connect

DAY, NEXT = "2026-03-01", "2026-03-02"
AS_OF = date(2026, 3, 10)


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    """ann and bob on the platform's Vapi account, on a plan of 100 a month."""
    found = opened(database_url, dbt_home)
    with found.connection:
        bills.register(found.connection)
        voice_meter(found, "minutes", 60)
        plan(found, "pro", "100", "minutes", "2026-01-01")
        for tenant in ("ann", "bob"):
            found.tenant(tenant, DAY, plan_id="pro")
            found.attach(tenant, "vapi_phone_number", f"n-{tenant}", DAY)
        yield found


def unknown(minutebook: Minutebook, tenant: str) -> dict[str, Any]:
    """By code, why the tenant's margin of March is not known."""
    rows = {row["tenant_id"]: row for row in json.loads(minutebook("review 2026-03 --json").stdout)}
    return {one["code"]: one for one in rows[tenant]["unknown_costs"]}


def typed(minutebook: Minutebook, fix: str, **words: str) -> None:
    """Run the printed commands, with what a person fills in."""
    for command in fix.split(" && "):
        for word, value in words.items():
            command = command.replace(word, value)
        minutebook(command.removeprefix("minutebook "))


@pytest.mark.resolves("no_money")
@pytest.mark.resolves("no_quantity")
def test_credits_and_what_nothing_can_be_shared_by_are_known_once_what_is_printed_was_done(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    covers(warehouse, "model", "models_bill", DAY)
    warehouse.calls("platform", DAY, [
        spoken("a", "n-ann", 100, transport="0.01"), spoken("b", "n-bob", 200, transport="0.01"),
    ])  # fmt: skip
    publish(warehouse, "models_bill", "platform", DAY, [line("llm", None, quantity=1000, quantity_unit="credits")])
    warehouse.build(AS_OF)
    fix = unknown(minutebook, "ann")["no_money"]["fix"]
    assert fix == "minutebook cost credit models credits AMOUNT --from 2026-03-01"
    typed(minutebook, fix, AMOUNT="0.0003")
    warehouse.build(AS_OF)
    assert unknown(minutebook, "ann") == unknown(minutebook, "bob") == {}

    # Calls of no tokens, and a bill: nobody knows whose it is.
    warehouse.calls("platform", DAY, [
        spoken("a", "n-ann", 0, transport="0.01"), spoken("b", "n-bob", 0, transport="0.01"),
    ])  # fmt: skip
    publish(warehouse, "models_bill", "platform", DAY, [line("llm", "7")])
    warehouse.build(AS_OF)
    fix = unknown(minutebook, "ann")["no_quantity"]["fix"]
    assert fix == "minutebook cost uncover vapi model --from 2026-03-01"
    typed(minutebook, fix)
    warehouse.build(AS_OF)
    assert unknown(minutebook, "ann") == unknown(minutebook, "bob") == {}


@pytest.mark.resolves("not_on_bill")
@pytest.mark.resolves("pending")
@pytest.mark.resolves("pending_price")
def test_a_price_that_no_bill_has_yet_is_known_once_the_bill_was_read_again(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    """The printed pull needs the source's package; the bill that it reads is published here as it would be."""
    covers(warehouse, "model", "models_bill", DAY)
    warehouse.calls("platform", DAY, [spoken("a", "n-ann", 100) | {"transport": carried("CA1")}])
    pending = charge("CA1", None, is_pending=True, quantity=2, quantity_unit="minute")
    publish(warehouse, "carrier_calls", "platform", DAY, [pending])
    warehouse.build(AS_OF)
    found = unknown(minutebook, "ann")
    days = "--from 2026-03-01 --to 2026-03-01"
    assert {code: one["fix"] for code, one in found.items()} == {
        "not_on_bill": f"minutebook pull --source models_bill {days}",
        "pending": f"minutebook pull --source carrier_calls {days}",
    }
    (late,) = json.loads(minutebook("cost findings 2026-03 --json").stdout)
    assert late["code"] == "pending_price"
    # It is never rated: a minute of it has a cost, and the bill of the model is read.
    typed(minutebook, late["fix"], AMOUNT="0.01")
    publish(warehouse, "models_bill", "platform", DAY, [line("llm", "7")])
    warehouse.build(AS_OF)
    assert unknown(minutebook, "ann") == {}
    # Rated after all.
    publish(warehouse, "carrier_calls", "platform", DAY, [charge("CA1", "0.0085")])
    warehouse.build(AS_OF)
    assert json.loads(minutebook("cost findings 2026-03 --json").stdout) == []
    shown = json.loads(minutebook("cost show 2026-03 --json").stdout)["costs"]
    (transport,) = [row for row in shown if row["component"] == "transport"]
    assert (transport["provider"], transport["amount"], transport["per_minute"]) == ("carrier", "0.0085", "0.0085")


@pytest.mark.resolves("not_on_bill")
@pytest.mark.resolves("no_number")
def test_what_no_final_bill_has_a_person_settles_and_a_bill_that_has_it_after_all_moves_an_approved_margin(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    """Of ann's calls a bill has no line; of bob's nobody names what is beside the carrier's price."""
    covers(warehouse, "model", "models_bill", DAY, tenant="ann")
    for day, call_id in ((DAY, "a"), (NEXT, "b")):
        warehouse.calls("platform", day, [
            spoken(call_id, "n-ann", 100, transport="0.01"),
            call(f"c-{call_id}", "61", phoneNumberId="n-bob", transport=carried(f"CA-{call_id}")),
            call(f"web-{call_id}", "30", phoneNumberId="n-bob"),
        ])  # fmt: skip
        publish(warehouse, "models_bill", "platform", day, [line("stt", "4")])
        publish(warehouse, "carrier_calls", "platform", day, [charge(f"CA-{call_id}", "0.017")])
    # Of one day the bill was read when it was final, of the other not.
    warehouse.connection.execute(
        "update ledger.pulls set closed_at = '2026-03-09' where source = 'models_bill' and usage_date = %s", [DAY]
    )
    minutebook(f"cost unit minutes 0.10 --from {DAY}")
    minutebook("build")
    found = {row["tenant_id"]: row["unknown_costs"] for row in json.loads(minutebook("review 2026-03 --json").stdout)}
    (rest,) = [one["fix"] for one in found["bob"]]
    settled, later = [one["fix"] for one in found["ann"]]
    assert rest == f"minutebook cost unit minutes AMOUNT --rest --from {DAY}"
    assert settled == (
        f"minutebook cost elsewhere ann model --from {DAY} --to {DAY} --reason 'on a bill that is not read here'"
    )
    assert later == f"minutebook pull --source models_bill --from {NEXT} --to {NEXT}"

    typed(minutebook, rest, AMOUNT="0.03")
    minutebook(f"cost unit minutes 0.04 --rest --from {NEXT}")
    for day in (DAY, NEXT):
        words = shlex.split(settled.replace(DAY, day))
        minutebook(" ".join(words[1:-1]), words[-1])
    assert "unchanged" in minutebook(" ".join(words[1:-1]), words[-1]).stdout
    minutebook("build")
    assert unknown(minutebook, "ann") == unknown(minutebook, "bob") == {}
    costs = (
        "select usage_date::text, component, basis, amount from marts.fct_costs_daily where tenant_id = %s"
        " and component not in ('vapi', 'transport') order by 1, 2"
    )
    elsewhere = [(day, "model", "billed_elsewhere", Decimal(0)) for day in (DAY, NEXT)]
    assert warehouse.rows(costs, "ann") == elsewhere
    # Two started minutes beside the carrier's price, and one whole minute of the call that nobody carried.
    assert warehouse.rows(costs, "bob") == [
        (DAY, "call", "estimated", Decimal("0.06")), (DAY, "minutes", "estimated", Decimal("0.10")),
        (NEXT, "call", "estimated", Decimal("0.08")), (NEXT, "minutes", "estimated", Decimal("0.10")),
    ]  # fmt: skip
    reasons = "select distinct after ->> 'reason' from ledger.audit_log where object_table = 'ledger.acceptances'"
    assert warehouse.rows(reasons) == [("on a bill that is not read here",)]
    listed = json.loads(minutebook("cost list --json").stdout)
    assert sorted((row["kind"], row["amount"]) for row in listed if row["cost_of"] == "minutes") == [
        ("unit", "0.10"), ("unit, the rest", "0.03"), ("unit, the rest", "0.04"),
    ]  # fmt: skip
    with connect(warehouse.url, Role.OPERATOR) as connection:
        shown = calls.find(connection, "bob", (date(2026, 3, 1), "vapi", "c-a"), with_costs=True)
    assert shown is not None
    assert {(one.component, one.basis, one.unknown_reason) for one in shown.components} == {
        ("call", "estimated", "estimated_by_the_day"), ("transport", "reported_by_provider", None),
    }  # fmt: skip

    minutebook("approve 2026-03 --tenant ann --override", "the days without calls were not read")
    approved = "select manifest_hash, approved_cost from ledger.periods where tenant_id = 'ann'"
    (frozen,) = warehouse.rows(approved)
    assert frozen[1] == Decimal("0.12")
    publish(warehouse, "models_bill", "platform", DAY, [line("llm", "7"), line("llm", "-4.5", line_item="credit")])
    minutebook("build")
    assert warehouse.rows(costs, "ann") == [(DAY, "model", "allocated", Decimal("2.5")), elsewhere[1]]
    assert warehouse.rows(approved) == [frozen]
    (row,) = json.loads(minutebook("margin 2026-03 --tenant ann --json").stdout)
    assert [Decimal(row[name]) for name in ("cost_allocated", "margin", "approved_cost")] == [
        Decimal("2.5"), Decimal("97.38"), Decimal("0.12"),
    ]  # fmt: skip
    assert "approved cost" in " ".join(minutebook("margin 2026-03 --tenant ann").stdout.split())
    (statement,) = json.loads(minutebook("review 2026-03 --tenant ann --json").stdout)
    assert (statement["state"], Decimal(statement["total"]), Decimal(statement["adjustments"])) == ("approved", 100, 0)


@pytest.mark.resolves("unattached_scope")
def test_what_nobody_has_of_a_bill_is_shown_until_its_scope_is_attached(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    publish(warehouse, "models_bill", "platform", DAY, [
        line("llm", "5", scope_kind="models_project", scope_ref="p1"), line("stt", "2"),
    ])  # fmt: skip
    warehouse.build(AS_OF)
    nobodys = json.loads(minutebook("cost show 2026-03 --json").stdout)["unattributed"]
    assert [(row["service"], row["unattributed"]) for row in nobodys] == [("llm", "5"), ("stt", "2")]
    (found,) = json.loads(minutebook("cost findings 2026-03 --json").stdout)
    assert found["what"] == "5 USD of models project p1 at models is no tenant's on 1 Mar 2026"
    typed(minutebook, found["fix"], TENANT="ann", AGENT="ann-agent")
    warehouse.build(AS_OF)
    assert json.loads(minutebook("cost findings 2026-03 --json").stdout) == []
    assert warehouse.rows("select component, amount from marts.fct_costs_daily where tenant_id = 'ann'") == [
        ("llm", Decimal(5))
    ]


def test_what_a_carrier_prices_by_the_call_is_on_no_bill_that_calls_share(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    """A share of the day's bill would be added to the price of the call that is on it; details are no bill at all."""
    refused = minutebook(f"cost cover vapi transport --by carrier_bill --from {DAY}", code=1).stderr
    assert "carrier has a price for each call" in " ".join(refused.split())
    refused = minutebook(f"cost cover vapi model --by carrier_calls --from {DAY}", code=1).stderr
    assert "no daily bill 'carrier_calls'" in " ".join(refused.split())
    assert warehouse.rows("select count(*) from control.cost_coverage") == [(0,)]


def test_calls_that_two_charge_for_and_calls_that_nobody_knows_are_named(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    warehouse.calls("platform", DAY, [spoken("a", "n-ann", 0, transport="0.03") | {"transport": carried("CA1")}])
    publish(warehouse, "carrier_calls", "platform", DAY, [charge("CA1", "0.0085"), charge("XX", "0.5")])
    warehouse.build(AS_OF)
    found = {one["code"]: one for one in json.loads(minutebook("cost findings 2026-03 --json").stdout)}
    assert found["charged_twice"]["what"] == (
        "call a on 1 Mar 2026: vapi charges 0.03 for transport, and so does carrier"
    )
    assert (
        (found["unknown_calls"]["what"])
        == "1 call of carrier on 1 Mar 2026 is known to no voice provider, for 0.5 USD, such as XX"
    )


def test_an_account_that_two_keys_open_is_named_and_counts_once(minutebook: Minutebook, warehouse: Warehouse) -> None:
    """A subaccount that the platform's key reads, and a key of its own that the tenant stored."""
    warehouse.attach("ann", "carrier_account", "AC1", DAY)
    child = [line("telephony", "3", scope_kind="carrier_account", scope_ref="AC1")]
    for account in ("platform", "ann"):
        publish(warehouse, "carrier_bill", account, DAY, child)
        publish(warehouse, "carrier_bill", account, "2026-03-02", child)
    # Another's day that cost nothing says nothing.
    publish(warehouse, "carrier_bill", "bob", DAY, [line("sms", "0", scope_kind="carrier_account", scope_ref="AC1")])
    warehouse.build(AS_OF)
    (found,) = json.loads(minutebook("cost findings 2026-03 --json").stdout)
    assert found["code"] == "read_twice"
    assert found["what"] == (
        "6 USD of carrier account AC1 at carrier from 1 Mar 2026 to 2 Mar 2026 are read under the platform's key and"
        " under ann's"
    )
    assert found["fix"].startswith("the platform's counts")
    assert warehouse.rows(
        "select cost_reported, cost_billed_elsewhere from marts.fct_margin_daily where tenant_id = 'ann'"
        " and usage_date = %s", DAY,
    ) == [(Decimal(3), Decimal(3))]  # fmt: skip


def test_a_bill_is_reconciled_with_an_invoice_and_what_differs_is_explained_by_day(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    for day in range(1, 32):
        publish(warehouse, "carrier_bill", "platform", f"2026-03-{day:02}", [line("telephony", "1.5")])
    warehouse.connection.execute("update ledger.pulls set closed_at = '2026-04-05'")
    # A tenant's own bill is another invoice.
    publish(warehouse, "carrier_bill", "ann", "2026-03-05", [line("telephony", "99")])
    reconciled = "cost reconcile carrier 2026-03"
    warehouse.build(date(2026, 4, 2))
    (whole,) = json.loads(minutebook(f"{reconciled} --json --invoice 46.50 --day 2026-03-04=1.50").stdout)
    assert (whole["read"], whole["rest"], whole["explanations"]) == ("46.5", "0.00", [])
    assert [day["difference"] for day in whole["days"] if day["told"]] == ["0.00"]

    warehouse.connection.execute(
        "update ledger.pulls set totals = '{\"amount\": 1.5}'"
        " where source = 'carrier_bill' and usage_date < '2026-03-03'"
    )
    publish(warehouse, "carrier_bill", "platform", "2026-03-02", [
        line("telephony", "2"), line("sms", "0.25", payer="external", line_item="elsewhere"),
    ])  # fmt: skip
    warehouse.connection.execute(
        "update ledger.pulls set state = 'superseded' where source = 'carrier_bill' and usage_date = '2026-03-09'"
    )
    publish(warehouse, "carrier_calls", "platform", "2026-03-03", [charge("CA1", None, is_pending=True)])
    warehouse.connection.execute(
        "update ledger.pulls set closed_at = '2026-03-07' where source = 'carrier_bill' and usage_date = '2026-03-06'"
    )
    warehouse.build(date(2026, 4, 2))
    (sums,) = json.loads(minutebook(f"{reconciled} --json --invoice 50").stdout)
    assert (sums["read"], sums["rest"], sums["restated"], sums["on_other_bills"]) == ("45.5", "4.5", "0.75", "0.25")
    assert (sums["missing"], sums["pending"]) == (["2026-03-09"], 1)
    assert {day["usage_date"]: day["reasons"] for day in sums["days"] if day["reasons"]} == {
        "2026-03-02": ["it moved by 0.75 since it was first read", "0.25 is reported here and on another bill"],
        "2026-03-03": ["1 charge is not rated yet"],
        "2026-03-06": ["read last on 7 Mar 2026, before it was final"],
        "2026-03-09": ["it was not read"],
    }
    printed = minutebook(f"{reconciled} --invoice 50 --day 2026-03-10=1.75").stdout
    assert "invoiced: 50 USD, read: 45.5 USD, rest: 4.5" in printed
    assert "- 1 day was not read" in printed
    assert "nothing that was read explains it" in printed
    assert "minutebook pull --source carrier_bill --from 2026-03-09 --to 2026-03-09" in printed
    assert "read: 99 USD" in minutebook(f"{reconciled} --tenant ann").stdout


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("vapi 2026-03", "no provider of costs 'vapi'"),
        ("carrier 2026-03 --day 2026-04-01=1", "1 Apr 2026 is no day of 2026-03"),
        ("carrier 2026-03 --day 2026-03-01", "'2026-03-01' is not YYYY-MM-DD=AMOUNT"),
        ("carrier 2026-03 --tenant ann", "no bill of carrier was ever read for ann; it was for platform"),
        ("carrier 2026-03 --tenant ghost", "no tenant 'ghost'"),
    ],
)
def test_what_cannot_be_reconciled_is_refused_in_words(
    minutebook: Minutebook, warehouse: Warehouse, more: str, words: str
) -> None:
    publish(warehouse, "carrier_bill", "platform", "2026-03-02", [line("telephony", "2")])
    warehouse.build(AS_OF)
    assert words in " ".join(minutebook(f"cost reconcile {more}", code=None).stderr.replace("│", " ").split())


def test_a_bill_that_appears_or_empties_after_it_was_first_read_has_moved(
    minutebook: Minutebook, warehouse: Warehouse
) -> None:
    publish(warehouse, "carrier_bill", "platform", "2026-03-02", [])
    publish(warehouse, "carrier_bill", "platform", "2026-03-03", [line("telephony", "5")])
    warehouse.connection.execute(
        "update ledger.pulls set totals = case usage_date when '2026-03-02' then '{\"rows\": 0}'::jsonb"
        ' else \'{"rows": 1, "amount": 5}\' end'
    )
    publish(warehouse, "carrier_bill", "platform", "2026-03-02", [line("telephony", "7")])
    publish(warehouse, "carrier_bill", "platform", "2026-03-03", [])
    warehouse.build(AS_OF)
    (sums,) = json.loads(minutebook("cost reconcile carrier 2026-03 --json").stdout)
    moved = {day["usage_date"]: Decimal(day["moved"]) for day in sums["days"]}
    assert (moved["2026-03-02"], moved["2026-03-03"], Decimal(sums["restated"])) == (7, -5, 2)


def test_costs_fit_every_terminal_and_lose_nothing_in_it(
    minutebook: Minutebook, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    covers(warehouse, "model", "models_bill", DAY)
    minutebook(f"cost cover vapi transcriber --by models_bill --from {DAY} --tenant ann --own")
    pending, unheard = "CA" + "1" * 32, "CA" + "f" * 32
    warehouse.calls("platform", DAY, [spoken("a", "n-ann", 100) | {"transport": carried(pending)}])
    publish(warehouse, "carrier_calls", "platform", DAY, [
        charge(pending, None, is_pending=True, quantity=2, quantity_unit="minute"), charge(unheard, "123.000085"),
    ])  # fmt: skip
    project = {"scope_kind": "models_project", "scope_ref": "proj_of_a_long_name_that_somebody_chose"}
    publish(warehouse, "models_bill", "platform", DAY, [line("stt", "123456789.123456789", **project)])
    publish(warehouse, "carrier_bill", "platform", DAY, [line("telephony", "1.5"), line("sms", "-3")])
    warehouse.build(AS_OF)

    def seen(width: int, words: str) -> list[str]:
        def do() -> None:
            with suppress(typer.Exit):
                app(shlex.split(words), standalone_mode=False)

        return shown(width, do, monkeypatch, "stdout")

    for words in (
        "cost show 2026-03", "cost show 2026-03 --tenant ann", "cost findings 2026-03", "cost covered",
        "cost reconcile carrier 2026-03 --invoice 46.50 --day 2026-03-01=1.60", "cost reconcile models 2026-03",
    ):  # fmt: skip
        whole = seen(ENDLESS, words)
        assert len(whole) > 2, words
        for width in (80, 120, 200):
            lines = seen(width, words)
            assert_fits(lines, width)
            assert numbers(lines) == numbers(whole), (words, width)
            assert commands(lines) == commands(whole), (words, width)

"""Another account, mode or customer is refused or named until a person says that it is meant."""

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app
from orchestration.stripe_billing.api.errors import AnotherAccount
from tests.sandbox.stripe import StripeSandbox
from tests.stripe_billing.scene import KEY, STATEMENT_LINES, Scene
from warehouse import clock
from warehouse.stripe.postings import commit

LIVE = KEY.replace("_test_", "_live_")
Minutebook = Callable[..., Result]


@pytest.fixture
def minutebook(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Minutebook:
    """The command line, with the key and at the address of a Stripe."""
    scene.owner.execute(STATEMENT_LINES)
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", scene.url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")

    def run(line: str, code: int | None = 0, key: str = KEY, at: StripeSandbox | None = None) -> Result:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", key)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", (at or scene.stripe).url)
        result = CliRunner().invoke(app, shlex.split(line))
        assert code in (None, result.exit_code), f"{line}: exit {result.exit_code}\n{result.output}"
        return result

    return run


@pytest.fixture
def posted(scene: Scene, minutebook: Minutebook) -> list[str]:
    """Nineteen days of a tenant, posted."""
    scene.stripe.now = clock.now().timestamp()
    scene.meter()
    scene.tenant("acme")
    for age in range(1, 20):
        scene.overage("acme", scene.today - timedelta(days=age), age)
    minutebook("post")
    return [event.identifier for event in scene.stripe.metering.received]


@pytest.fixture
def other(scene: Scene, posted: list[str]) -> Iterator[StripeSandbox]:
    """Another account of Stripe's that is set up alike and has a customer of the same id."""
    with StripeSandbox(scene.stripe.now, "acct_other") as other:
        like(scene, other)
        other.invoicing._made_items = 500  # Stripe gives no id twice, whatever the account
        yield other


def hours_later(scene: Scene) -> None:
    """What was posted is long settled at Stripe."""
    scene.owner.execute("update ledger.postings set posted_at = posted_at - interval '2 hours'")


def like(scene: Scene, other: StripeSandbox) -> None:
    (meter,) = scene.stripe.metering.meters.values()
    wanted = {name: meter[name] for name in ("display_name", "event_name", "event_time_window", "default_aggregation")}
    other.metering.create_meter(wanted)
    subscribe(other, "cus_acme")


def subscribe(stripe: StripeSandbox, customer: str) -> str:
    catalogue, (meter,) = stripe.catalogue, stripe.metering.meters
    catalogue.create_customer({"id": customer})
    product = catalogue.create_product({"name": "usage"})["id"]
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter}
    price = catalogue.create_price(
        {"product": product, "currency": "usd", "unit_amount_decimal": "15", "recurring": recurring}
    )["id"]
    anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    catalogue.create_subscription(
        {"customer": customer, "items": [{"price": price}], "billing_cycle_anchor_config": anchor}
    )
    return customer


def test_what_is_sent_and_read_says_which_account_and_mode_it_is_of(scene: Scene, posted: list[str]) -> None:
    for rows in ("ledger.postings", "ledger.stripe_cache where body <> 'null'"):
        reported = scene.owner.execute(f"select distinct stripe_account, is_live from {rows}").fetchall()
        assert reported == [("acct_000001", False)], rows


@pytest.mark.parametrize("line", ["post", "reconcile", "stripe check", "stripe sync --plan", "stripe sync --apply"])
def test_a_key_of_another_account_or_mode_is_refused_at_once_and_nothing_is_sent_or_read(
    scene: Scene, minutebook: Minutebook, posted: list[str], other: StripeSandbox, line: str
) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 500)
    reported = minutebook(line, code=1, key="sk_test_another", at=other).output
    assert "acct_other (test mode)" in reported
    assert "minutebook stripe adopt acct_other --test" in reported
    assert "minutebook stripe adopt acct_000001 --live" in minutebook(line, code=1, key=LIVE).output
    assert not other.metering.received
    assert len(scene.stripe.metering.received) == 19


@pytest.mark.resolves("another_account")
def test_an_account_is_adopted_by_its_name_and_mode_audited_and_one_command_posts_what_it_lacks(
    scene: Scene, minutebook: Minutebook, posted: list[str], other: StripeSandbox
) -> None:
    key = "sk_test_another"
    minutebook("stripe adopt acct_000001 --test", code=1, key=key, at=other)
    minutebook("stripe adopt acct_other --live", code=1, key=key, at=other)
    reported = minutebook("stripe adopt acct_other --test", key=key, at=other).output
    assert "19 days" in reported
    audited = scene.owner.execute(
        "select after ->> 'account_id' from ledger.audit_log where object_table = 'ledger.stripe_accounts'"
    ).fetchall()
    assert audited == [("acct_000001",), ("acct_other",)]
    minutebook("post", key=key, at=other)
    assert not other.metering.received  # what the other account holds is not sent again before that is asked for
    hours_later(scene)
    reported = minutebook("reconcile", code=1, key=key, at=other).output
    assert "missing" in reported
    assert "--resend" in reported
    minutebook("post --resend", key=key, at=other)
    assert len(other.metering.received) == 19
    assert [row[3] for row in scene.states("acme")].count("accepted") == 19
    minutebook("post --resend", key=key, at=other)
    assert len(other.metering.received) == 19
    assert "acct_000001" in minutebook("post", code=1).output


def test_what_was_committed_for_another_account_is_sent_to_ours_under_a_key_of_its_own(
    scene: Scene, minutebook: Minutebook, posted: list[str], other: StripeSandbox
) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 500)
    with scene.desk() as (poster, _):
        (due,) = poster.run(dry_run=True).events
    with scene.billing() as connection:
        commit(connection, [due], scene.now())
    minutebook("stripe adopt acct_other --test", key="sk_test_another", at=other)
    minutebook("post", key="sk_test_another", at=other)
    assert [row[1:] for row in scene.states("acme") if row[0] == day] == [
        (1, 1, "accepted", None), (2, 500, "lost", "other_account"), (3, 500, "accepted", None),
    ]  # fmt: skip
    assert [event.value for event in other.metering.received] == ["500"]


def test_a_run_that_began_before_the_adoption_sends_nothing_after_it(scene: Scene, posted: list[str]) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 500)
    with scene.desk() as (poster, _):
        scene.owner.execute("insert into ledger.stripe_accounts values (2, 'acct_other', false, now())")
        with pytest.raises(AnotherAccount):
            poster.run()
    assert len(scene.stripe.metering.received) == 19


@pytest.mark.resolves("customer_deleted")
def test_a_new_customer_is_named_and_one_command_posts_what_it_lacks(
    scene: Scene, minutebook: Minutebook, posted: list[str]
) -> None:
    scene.stripe.catalogue.delete_customer("cus_acme")
    reported = minutebook("stripe check --tenant acme", code=1).output
    assert "customer_deleted" in reported
    subscribe(scene.stripe, "cus_new")
    minutebook("stripe customer acme cus_new")
    minutebook("stripe check --tenant acme")
    minutebook("post")
    assert len(scene.stripe.metering.received) == 19
    hours_later(scene)
    assert "--resend" in minutebook("reconcile", code=1).output
    minutebook("post --tenant acme --resend")
    days = [scene.today - timedelta(days=age) for age in range(1, 20)]
    assert [scene.held("cus_new", day) for day in days] == list(range(1, 20))
    minutebook("post --resend")
    assert len(scene.stripe.metering.received) == 38


@pytest.mark.resolves("customer_of_other_mode")
def test_a_customer_of_the_other_mode_is_no_deleted_one(
    scene: Scene, minutebook: Minutebook, posted: list[str]
) -> None:
    with StripeSandbox(scene.stripe.now, other_mode=scene.stripe) as live:
        like(scene, live)
        del live.catalogue.customers["cus_acme"]
        minutebook("stripe adopt acct_000001 --live", key=LIVE, at=live)
        reported = minutebook("stripe check --tenant acme", code=1, key=LIVE, at=live).output
        assert "customer_of_other_mode" in reported
        assert "deleted" not in reported
        subscribe(live, "cus_live")
        minutebook("stripe customer acme cus_live", key=LIVE, at=live)
        minutebook("post --resend", key=LIVE, at=live)
        minutebook("stripe check --tenant acme", key=LIVE, at=live)
        assert len(live.metering.received) == 19  # what test mode held was never billed


@pytest.mark.resolves("customer_unknown")
def test_a_customer_that_the_account_does_not_know_is_told_as_such(
    scene: Scene, minutebook: Minutebook, posted: list[str]
) -> None:
    minutebook("stripe customer acme cus_typo")
    assert "customer_unknown" in minutebook("stripe check --tenant acme", code=1).output
    minutebook("stripe customer acme cus_acme")
    assert "customer_unknown" not in minutebook("post", code=0).output


# What another account holds of invoice items


@pytest.fixture
def owed(scene: Scene, posted: list[str]) -> str:
    """The setup fee of the month before all that was posted, approved and posted as an item; returns its line."""
    end = (scene.today - timedelta(days=19)).replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    line = f"acme/{start}/setup"
    scene.owner.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " values ('acme', %s, %s, 'approved', 'x')", [start, end],
    )  # fmt: skip
    scene.owner.execute(
        "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
        " service_period_start, service_period_end, inputs) values (%s, 'acme', %s, 'setup', 500, 'USD', %s, %s, '{}')",
        [line, start, start, end],
    )
    return line


def items(stripe: StripeSandbox) -> list[int]:
    return [item["amount"] for item in stripe.invoicing.items.values()]


def finding(minutebook: Minutebook, line: str, **at: Any) -> Any:
    """The code and what is printed of a line, by `reconcile --final`."""
    month = line.split("/")[1][:7]
    reported = minutebook(f"reconcile --final {month} --json", code=None, **at).stdout
    rows = json.loads(reported[: reported.rindex("}") + 1])["lines"]
    (found,) = [row for row in rows if row["line"] == line]
    return found


@pytest.mark.resolves("in another account")
def test_an_item_that_the_test_mode_held_is_added_here_by_one_command(
    scene: Scene, minutebook: Minutebook, owed: str, other: StripeSandbox
) -> None:
    minutebook("post")
    assert items(scene.stripe) == [50_000]
    key = "sk_test_another"
    reported = minutebook("stripe adopt acct_other --test", key=key, at=other).output
    assert "1 invoice item" in reported
    minutebook("post", key=key, at=other)
    assert items(other) == []  # not by itself
    found = finding(minutebook, owed, key=key, at=other)
    assert (found["code"], found["what_to_do"]) == ("in another account", "minutebook post --tenant acme --resend")
    for _ in range(2):
        minutebook(found["what_to_do"].removeprefix("minutebook "), key=key, at=other)
        assert items(other) == [50_000]
    assert finding(minutebook, owed, key=key, at=other)["code"] is None


@pytest.mark.parametrize("there", ["pending", "paid", "draft", "void"])
def test_an_item_of_another_live_account_is_due_here_unless_it_was_or_may_have_been_billed_there(
    scene: Scene, minutebook: Minutebook, owed: str, other: StripeSandbox, there: str
) -> None:
    """First live, then in another live account; there: what became of the item before."""
    minutebook("stripe adopt acct_000001 --live", key=LIVE)
    minutebook("post", key=LIVE)
    assert items(scene.stripe) == [50_000]
    scene.owner.execute(
        "insert into ledger.stripe_item_states select identifier, tenant_id, %s, 'in_there', %s"
        " from ledger.invoice_items on conflict (identifier) do update"
        " set state = excluded.state, invoice_id = excluded.invoice_id",
        [there, scene.now()],
    )
    key = "sk_live_another"
    minutebook("stripe adopt acct_other --live", key=key, at=other)
    found = finding(minutebook, owed, key=key, at=other)
    reported = minutebook("post --tenant acme --resend", key=key, at=other).output
    if there == "pending":
        assert found["what_to_do"] == "minutebook post --tenant acme --resend"
        assert "delete it there" in reported
    elif there == "paid":
        assert (found["code"], found["stripe"]) == (None, "500.00")
        assert "billed there" in reported
    else:
        assert found["what_to_do"] == f"minutebook stripe accept {owed} --reason REASON"
        assert f"minutebook stripe settle {owed} --apply" in reported
    assert items(other) == ([50_000] if there == "pending" else [])
    if there == "draft":  # it was not billed there
        minutebook(f"stripe settle {owed} --apply", key=key, at=other)
    if there == "void":  # it was
        minutebook(f"stripe accept {owed} --reason agreed", key=key, at=other)
    minutebook("post", key=key, at=other)
    assert items(other) == ([50_000] if there in ("pending", "draft") else [])
    assert finding(minutebook, owed, key=key, at=other)["code"] is None


def test_a_fee_and_usage_that_another_live_account_charged_are_not_billed_again(
    scene: Scene, minutebook: Minutebook, owed: str, other: StripeSandbox
) -> None:
    start = owed.split("/")[1]
    for kind, meter in (("subscription", None), ("overage", "voice")):
        line = f"acme/{start}/{kind}" + (f"/{meter}" if meter else "")
        scene.owner.execute(
            "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, meter_id, amount,"
            " currency, service_period_start, service_period_end, inputs)"
            " values (%s, 'acme', %s, %s, %s, 100, 'USD', %s, %s, '{}')",
            [line, start, kind, meter, start, start],
        )
    minutebook("stripe adopt acct_000001 --live", key=LIVE)
    key = "sk_live_another"
    minutebook("stripe adopt acct_other --live", key=key, at=other)
    for kind in ("subscription", "overage/voice"):
        found = finding(minutebook, f"acme/{start}/{kind}", key=key, at=other)
        assert (found["code"], found["waits"]) == (
            None, "charged in acct_000001 (live mode), which our key does not read"
        )  # fmt: skip

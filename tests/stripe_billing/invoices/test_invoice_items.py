"""Setup fees, minima, credits, adjustments and what meters missed reach Stripe once, as items of either sign."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import midnight
from orchestration.stripe_billing.api.currency import from_minor, to_minor
from orchestration.stripe_billing.api.errors import AmountNotExact
from orchestration.stripe_billing.invoices.items import ItemsReport
from orchestration.stripe_billing.invoices.upcoming import compare_upcoming
from orchestration.stripe_billing.posting.readiness import Readiness
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import DAY, GRACE, STATEMENT_LINES, Scene, month_of, on_call
from warehouse.stripe.billed_tenants import billed_tenants


class Books:
    """A tenant whose last period is over and approved, with the statement a test writes."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        scene.meter()
        self.customer = scene.tenant("acme")
        self.start, self.end = month_of(scene.today + timedelta(days=2))
        scene.stripe.advance((self.end - scene.today).days * DAY - 12 * 3600)

    def use(self, day: date, units: int) -> None:
        self.scene.overage("acme", day, units)

    def turn(self, days: float = 1) -> None:
        self.scene.stripe.advance(days * DAY)

    def pay(self) -> None:
        """The invoice of the period is paid, and the period after it, now this one, is over."""
        self.use(self.end - timedelta(days=2), 100)
        self.scene.post()
        self.turn(5)
        self.start, self.end = month_of(self.scene.today)
        self.turn(31)

    def approve(self, **lines: str) -> None:
        """Lines by kind; an overage of acme's meter, an adjustment of the period before."""
        self.scene.owner.execute(
            "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
            " values ('acme', %s, %s, 'approved', 'x') on conflict (tenant_id, period_start)"
            " do update set state = 'approved', manifest_hash = 'x'",
            [self.start, self.end],
        )
        for kind, amount in lines.items():
            before = month_of(self.start - timedelta(days=1))
            service = before if kind == "adjustment" else (self.start, self.end)
            meter = "voice" if kind == "overage" else None
            self.scene.owner.execute(
                "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, meter_id, amount,"
                " currency, service_period_start, service_period_end, inputs)"
                " values (%s, 'acme', %s, %s, %s, %s, 'USD', %s, %s, '{}')",
                [f"acme/{self.start}/{kind}", self.start, kind, meter, Decimal(amount), *service],
            )

    def plan(self, plan: str, since: str, *, gives_credit_notes: bool, tenant_since: date | None = None) -> None:
        """Terms of a plan from a day on, and acme on it from a day on, or from ever."""
        owner = self.scene.owner
        owner.execute(
            "insert into control.plans (plan_id, name, currency) values (%s, %s, 'USD') on conflict do nothing",
            [plan, plan],
        )
        owner.execute(
            "insert into control.plan_terms (plan_id, valid_from, subscription_fee, gives_credit_notes)"
            " values (%s, %s, 0, %s)", [plan, since, gives_credit_notes],
        )  # fmt: skip
        owner.execute(
            "insert into control.tenant_plans values ('acme', %s, %s)"
            " on conflict (tenant_id, valid_from) do update set plan_id = excluded.plan_id",
            [tenant_since or date(2024, 1, 1), plan],
        )

    def reopen(self) -> None:
        self.scene.owner.execute("delete from ledger.statement_lines")
        self.scene.owner.execute("update ledger.periods set state = 'in_review', manifest_hash = null")

    def send(self) -> ItemsReport:
        with self.scene.desk() as (_, invoicer):
            return invoicer.run()

    def items(self) -> list[tuple[str, int, str | None]]:
        rows = self.scene.stripe.invoicing.items.values()
        return sorted((row["description"].rsplit("/", 1)[1], row["amount"], row["invoice"]) for row in rows)

    def rows(self) -> list[tuple[int, int, str, Decimal]]:
        """version, attempt, state, amount of every item of the ledger."""
        return self.scene.owner.execute(
            "select version, attempt, state, amount from ledger.invoice_items order by item_key, version"
        ).fetchall()

    def notes(self) -> list[tuple[str, int]]:
        return [(note["invoice"], note["amount"]) for note in self.scene.stripe.invoicing.credit_notes.values()]

    def invoice(self) -> dict[str, Any]:
        return next(iter(self.scene.stripe.invoicing.invoices.values()))


@pytest.fixture
def books(scene: Scene) -> Books:
    return Books(scene)


def test_each_line_a_meter_cannot_carry_is_one_item_on_the_periods_draft(books: Books) -> None:
    books.turn()
    books.approve(setup="500", minimum="12.34", credit="-30", adjustment="-0.26", subscription="249")
    assert len(books.send().added) == 4
    invoice = books.invoice()["id"]
    wanted = [
        ("adjustment", -26, invoice),
        ("credit", -3000, invoice),
        ("minimum", 1234, invoice),
        ("setup", 50000, invoice),
    ]
    assert books.items() == wanted
    report = books.send()
    assert (report.added, report.found, report.left) == ([], [], [])
    assert books.items() == wanted


def test_after_the_invoice_is_final_the_next_one_takes_the_items(books: Books) -> None:
    books.turn(4)
    assert books.invoice()["status"] == "paid"
    books.approve(setup="500")
    books.send()
    assert books.items() == [("setup", 50000, None)]


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.ERROR_AFTER, Fault.DOWN, Fault.BUSY])
def test_an_item_whose_answer_was_lost_is_read_before_it_is_added_again(books: Books, fault: Fault) -> None:
    books.turn(4)
    books.approve(setup="500", credit="-30")
    books.scene.stripe.fault = on_call(1, fault, "/v1/invoiceitems")
    books.send()
    books.turn(2)  # Stripe has forgotten the key
    books.send()
    assert [row[:2] for row in books.items()] == [("credit", -3000), ("setup", 50000)]


def test_an_invoice_that_becomes_final_meanwhile_gives_way_to_the_next(books: Books) -> None:
    books.turn()
    books.approve(setup="500")

    def finalise(stage: str, call: Any) -> None:
        if call.path == "/v1/invoiceitems" and call.method == "POST" and books.invoice()["status"] == "draft":
            books.scene.stripe.invoicing.finalize(books.invoice()["id"])

    books.scene.stripe.hook = finalise
    books.send()
    assert books.items() == [("setup", 50000, None)]


def test_what_stripe_refuses_is_asked_for_again_as_the_same_row_and_added_once(books: Books) -> None:
    books.turn(4)
    books.approve(setup="500")
    customers = books.scene.stripe.catalogue.customers
    customer = customers.pop(books.customer)
    for _ in range(4):
        assert len(books.send().left) == 1
    assert books.rows() == [(1, 4, "refused", 500)]
    customers[books.customer] = customer
    books.turn(0.1)
    books.scene.stripe.fault = on_call(1, Fault.LOST_ANSWER, "/v1/invoiceitems")
    books.send()
    books.turn(2)
    books.send()
    assert books.rows() == [(1, 5, "accepted", 500)]
    assert books.items() == [("setup", 50000, None)]


def test_a_refused_item_whose_line_changed_is_another_one(books: Books) -> None:
    books.turn(4)
    books.approve(setup="500")
    customers = books.scene.stripe.catalogue.customers
    customer = customers.pop(books.customer)
    books.send()
    books.reopen()
    books.approve(setup="400")
    books.send()
    customers[books.customer] = customer
    books.turn(0.1)
    books.send()
    assert books.rows() == [(1, 1, "refused", 500), (2, 2, "accepted", 400)]
    assert books.items() == [("setup", 40000, None)]


def test_an_item_that_a_person_changed_at_stripe_is_never_added_beside_it(books: Books) -> None:
    books.turn(4)
    books.approve(setup="500")
    books.scene.stripe.fault = on_call(1, Fault.LOST_ANSWER, "/v1/invoiceitems")
    books.send()
    books.scene.stripe.fault = lambda call: None
    (item,) = books.scene.stripe.invoicing.items.values()
    item["amount"] = -50000
    assert "correct it there" in books.send().left[0][1]
    item["amount"] = 45000
    for amount in ("500", "500", "470"):
        books.reopen()
        books.approve(setup=amount)
        assert "correct it there" in books.send().left[0][1]
    assert books.items() == [("setup", 45000, None)]
    item["amount"] = 50000
    for added in (0, 1, 0):
        assert len(books.send().added) == added
    assert books.items() == [("setup", -3000, None), ("setup", 50000, None)]


def test_a_dry_run_writes_nothing_into_the_books(books: Books) -> None:
    """What it asks Stripe is kept in the cache, as by everyone who asks."""
    books.use(books.end - timedelta(days=2), 100)
    books.scene.post()
    books.turn(5)
    books.approve(overage="19.50", setup="500")
    with books.scene.desk() as (poster, invoicer):
        before = books.scene.contents("ledger", but="stripe_cache")
        poster.run(dry_run=True)
        left = [item["item_kind"] for item, _ in invoicer.run(dry_run=True).left]
    assert sorted(left) == ["coverage", "line"]
    assert books.scene.contents("ledger", but="stripe_cache") == before
    books.send()
    assert books.scene.contents("ledger", but="stripe_cache") != before


def test_a_line_that_changed_after_reopening_makes_an_item_of_the_difference(books: Books) -> None:
    books.turn()
    books.approve(minimum="12.00", credit="-5")
    books.send()
    books.reopen()
    assert books.send().added == []
    books.approve(minimum="15.50")
    books.send()
    assert [row[:2] for row in books.items()] == [
        ("credit", -500),
        ("credit", 500),
        ("minimum", 350),
        ("minimum", 1200),
    ]


def test_what_the_day_values_do_not_cover_is_owed_so_that_the_tenant_pays_the_statement(books: Books) -> None:
    books.use(books.end - timedelta(days=2), 100)
    books.scene.post()
    books.turn(5)
    books.use(books.end - timedelta(days=2), 130)
    assert books.scene.post().counts == {"uncovered": 1}
    books.approve(overage="19.50")
    books.send()
    assert books.items() == [("overage", 450, None)]
    assert books.invoice()["total"] + 450 == 1950
    assert books.send().added == []


def test_what_stripe_charges_beyond_the_statement_is_given_back(books: Books) -> None:
    books.use(books.end - timedelta(days=2), 100)
    books.scene.post()
    books.turn(5)
    books.approve()
    books.send()
    assert [row[1] for row in books.items()] == [-1500]


def test_what_was_used_before_the_subscription_began_is_owed_whole(books: Books) -> None:
    """Its day values reach Stripe's meter, and no invoice ever charges them."""
    books.start, books.end = month_of(books.start - timedelta(days=1))
    books.use(books.end - timedelta(days=1), 100)
    assert books.scene.post().counts == {"accepted": 1}
    books.approve(overage="15.00")
    books.send()
    assert [row[:2] for row in books.items()] == [("overage", 1500)]
    assert books.send().added == []


def test_an_invoice_that_cannot_be_read_holds_back_its_own_tenant_alone(books: Books) -> None:
    books.use(books.end - timedelta(days=2), 100)
    books.scene.post()
    books.turn(5)
    books.approve(overage="19.50", setup="500")
    lines = f"/v1/invoices/{books.invoice()['id']}/lines"
    books.scene.stripe.fault = lambda call: Fault.ERROR if call.path == lines else None
    report = books.send()
    assert [row[0] for row in books.items()] == ["setup"]
    assert [item["item_kind"] for item, _ in report.left] == ["coverage"]


def test_covered_day_values_owe_nothing(books: Books) -> None:
    books.use(books.end - timedelta(days=2), 100)
    books.scene.post()
    books.turn(1)
    books.approve(overage="15.00")
    assert books.send().added == []


@pytest.mark.parametrize("change", ["ended", "ended early and was invoiced then", "has another price", "has no item"])
def test_what_an_invoice_charged_is_not_billed_again_after_the_subscription_changed(books: Books, change: str) -> None:
    books.use(books.end - timedelta(days=2), 100)
    books.scene.post()
    books.turn(5)
    books.approve(overage="15.00")
    assert books.send().added == []
    catalogue = books.scene.stripe.catalogue
    (subscription,) = catalogue.subscriptions.values()
    (item,) = subscription["items"]["data"]
    if change.startswith("ended"):
        subscription["status"] = "canceled"
        if change != "ended":
            books.invoice().update(period_end=books.invoice()["period_end"] - DAY, billing_reason="manual")
    elif change == "has another price":
        params = {
            "product": item["price"]["product"], "currency": "usd", "unit_amount_decimal": "18",
            "recurring": item["price"]["recurring"],
        }  # fmt: skip
        item["price"] = {key: value for key, value in catalogue.create_price(params).items() if key != "tiers"}
    else:
        subscription["items"]["data"] = [{**item, "price": {**item["price"], "recurring": {"meter": None}}}]
    books.turn(0.1)
    assert books.send().added == []
    assert books.items() == []


@pytest.fixture
def paid(books: Books) -> Books:
    books.pay()
    return books


def test_a_credit_note_corrects_a_paid_invoice_where_the_plan_says_so(paid: Books) -> None:
    paid.plan("noting", "2025-01-01", gives_credit_notes=True)
    paid.approve(adjustment="-4.50")
    paid.send()
    assert paid.notes() == [("in_000001", 450)]
    assert paid.items() == []
    paid.send()
    assert len(paid.notes()) == 1
    paid.reopen()
    paid.approve(adjustment="-24.50")  # the invoice was 15.00: it takes no note of 20.00 more
    for _ in range(2):
        (_, why) = paid.send().left[0]
        assert "exceed" in why
        assert "a person decides" in why
    assert paid.items() == []
    assert len(paid.notes()) == 1


@pytest.mark.parametrize("amount", ["4.50", "-4.50"])
def test_what_is_owed_to_us_or_not_paid_yet_is_an_item_whatever_the_plan_says(paid: Books, amount: str) -> None:
    paid.plan("noting", "2025-01-01", gives_credit_notes=True)
    if amount.startswith("-"):
        paid.invoice()["status"] = "open"
    paid.approve(adjustment=amount)
    paid.send()
    assert (paid.notes(), [row[1] for row in paid.items()]) == ([], [round(float(amount) * 100)])


@pytest.mark.parametrize(
    ("plans", "is_note"),
    [
        ([], False),
        ([(0, True)], True),
        ([(1, True)], False),  # its period had begun when the plan came into force
        ([(-400, True), (0, False)], False),
        ([(-400, True), (1, False)], True),
        ([(-400, False), (1, True)], False),
        ([(-400, False), (0, True), (1, False)], True),
    ],
)
@pytest.mark.parametrize("what", ["the tenant's plan", "the plan's terms"])
def test_the_plan_that_was_in_force_for_the_corrected_period_decides(
    paid: Books, plans: list[tuple[int, bool]], is_note: bool, what: str
) -> None:
    """Days are counted from the first one of the corrected period; what the plan says today does not matter."""
    first = month_of(paid.start - timedelta(days=1))[0]
    for number, (day, notes) in enumerate(plans):
        since = first + timedelta(days=day)
        if what == "the tenant's plan":
            paid.plan(f"p{number}", "2025-01-01", gives_credit_notes=notes, tenant_since=since)
        else:
            paid.plan("p", str(since), gives_credit_notes=notes)
    paid.approve(adjustment="-4.50")
    paid.send()
    assert paid.notes() == ([("in_000001", 450)] if is_note else [])
    assert [row[1] for row in paid.items()] == ([] if is_note else [-450])


def test_a_fee_is_corrected_on_the_invoice_that_charged_it_in_advance(paid: Books) -> None:
    paid.plan("noting", "2025-01-01", gives_credit_notes=True)
    begun = month_of(paid.start - timedelta(days=1))[0]
    end = midnight(begun)
    before = {**paid.invoice(), "id": "in_before", "period_start": end - 30 * DAY, "period_end": end}
    paid.scene.stripe.invoicing.invoices["in_before"] = before
    paid.approve(adjustment="-4.50")
    paid.scene.owner.execute("update ledger.statement_lines set corrects_line_id = %s", [f"acme/{begun}/subscription"])
    paid.send()
    assert paid.notes() == [("in_before", 450)]


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.ERROR_AFTER, Fault.DOWN, Fault.BUSY])
def test_a_credit_note_whose_answer_was_lost_is_read_before_it_is_given_again(paid: Books, fault: Fault) -> None:
    paid.plan("noting", "2025-01-01", gives_credit_notes=True)
    paid.approve(adjustment="-4.50")
    paid.scene.stripe.fault = on_call(1, fault, "/v1/credit_notes")
    paid.send()
    paid.turn(2)  # Stripe has forgotten the key
    paid.plan("plain", "2025-01-01", gives_credit_notes=False)  # and what was committed stays what it was
    paid.send()
    assert (paid.notes(), paid.items()) == ([("in_000001", 450)], [])


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.LIMITED])
@pytest.mark.parametrize("path", ["/v1/credit_notes", "/v1/invoiceitems"])
def test_an_error_that_stripe_replays_for_a_day_hinders_nothing_longer_than_one_run(
    paid: Books, fault: Fault, path: str
) -> None:
    """A credit note that an error hit is no refused one: it does not become an item."""
    paid.plan("noting", "2025-01-01", gives_credit_notes=path == "/v1/credit_notes")
    paid.approve(adjustment="-4.50")
    paid.scene.stripe.fault = on_call(1, fault, path)
    assert len(paid.send().left) == 1
    paid.turn(0.1)
    assert (len(paid.send().added), paid.rows()) == (1, [(1, 2, "accepted", Decimal("-4.50"))])
    assert len(paid.notes()) + len(paid.items()) == 1
    assert bool(paid.notes()) == (path == "/v1/credit_notes")
    assert paid.send().added == []


def test_items_on_the_upcoming_invoice_are_compared_line_by_line(books: Books) -> None:
    scene, api = books.scene, books.scene.api()
    scene.owner.execute(STATEMENT_LINES)

    def compared() -> dict[str, tuple[Decimal, Decimal]]:
        with scene.billing() as connection, scene.billing() as of_cache:
            readiness = Readiness(StripeCache(of_cache, api, scene.now), scene.now, GRACE)
            lines = compare_upcoming(connection, readiness, billed_tenants(connection, scene.today)).lines
        return {line.line.rsplit("/", 1)[-1]: (line.ours, line.stripe) for line in lines if line.line[:5] == "item/"}

    books.turn(4)  # the period's own invoice is final: the next one takes its items
    books.approve(setup="500", credit="-30", adjustment="-0.26")
    owed = {"setup": (500, 0), "credit": (-30, 0), "adjustment": (Decimal("-0.26"), 0)}
    assert compared() == owed
    books.send()
    assert compared() == {name: (ours, ours) for name, (ours, _) in owed.items()}
    first = next(one for one in scene.stripe.invoicing.items.values() if one["amount"] == 50000)
    first["amount"], first["metadata"] = 49999, {}
    scene.stripe.invoicing.create_item({"customer": books.customer, "amount": "7", "currency": "usd"})
    scene.stripe.now += 61  # a person changed it there, and no webhook told
    wrong = {name: sides for name, sides in compared().items() if sides[0] != sides[1]}
    assert wrong.pop("setup") == (500, Decimal("499.99"))
    assert list(wrong.values()) == [(0, Decimal("0.07"))]
    assert "not ours" in next(iter(wrong))
    books.turn(31)  # Stripe has invoiced them: the invoice after that shows none
    assert compared() == {}


def test_amounts_are_whole_minor_units_of_their_currency() -> None:
    assert to_minor(Decimal("12.34"), "USD") == 1234
    assert to_minor(Decimal("1234"), "JPY") == 1234
    assert [to_minor(Decimal("1.23"), code) for code in ("KWD", "BHD", "JOD", "OMR", "TND")] == [1230] * 5
    assert [to_minor(Decimal("5"), code) for code in ("ISK", "UGX")] == [500, 500]
    assert [to_minor(Decimal("1.23"), code) for code in ("IQD", "LYD")] == [123, 123]
    assert (from_minor(1230, "KWD"), from_minor(500, "ISK")) == (Decimal("1.23"), Decimal(5))
    assert from_minor(-450, "USD") == Decimal("-4.50")
    with pytest.raises(AmountNotExact):
        to_minor(Decimal("0.005"), "USD")

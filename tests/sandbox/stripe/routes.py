"""The part of Stripe's API that Minutebook uses."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tests.sandbox.stripe.errors import StripeProblem, missing
from tests.sandbox.stripe.invoicing import UPCOMING

if TYPE_CHECKING:
    from tests.sandbox.stripe.service import Call, StripeSandbox

Body = dict[str, Any]
Route = tuple[str, re.Pattern[str], Callable[..., Any]]


def page(call: "Call", rows: Iterable[Body], url: str) -> Body:
    """A list as Stripe pages it: limit 1 to 100, default 10, after the object named by starting_after."""
    found = list(rows)
    call.params.get("expand")  # what is expanded is whole here anyway; whether it can be is decided by the contract
    after, limit = call.params.get("starting_after"), int(call.params.get("limit", 10))
    if not 1 <= limit <= 100:
        message = f"This value must be {'greater than or equal to 1' if limit < 1 else 'less than or equal to 100'}."
        raise StripeProblem(400, "parameter_invalid_integer", message, param="limit")
    if after:
        names = [row["id"] for row in found]
        if after not in names:
            raise missing("object", after, param="starting_after")
        found = found[names.index(after) + 1 :]
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": url}


SHOWN = 10
"""How much of a list an object shows that holds it."""


def shown(body: Body, *lists: str) -> Body:
    """An object as it is answered: the first of its lists, and whether there are more."""
    cut = {
        name: {**body[name], "data": body[name]["data"][:SHOWN], "has_more": len(body[name]["data"]) > SHOWN}
        for name in lists
    }
    return {**body, **cut}


def _priced(call: "Call", price: Body) -> Body:
    """A price, with its tiers only where they are asked for."""
    is_whole = {"tiers", "data.tiers"} & set(call.params.get("expand") or ())
    return price if is_whole else {name: value for name, value in price.items() if name != "tiers"}


def _wanted(call: "Call", rows: Iterable[Body], *filters: str) -> list[Body]:
    """The rows that have the values of the parameters named, newest first."""
    found = list(rows)[::-1]
    for name in filters:
        asked = call.params.get(name)
        if asked is not None:
            found = [row for row in found if str(row.get(name)).lower() == asked]
    return found


def routes(stripe: "StripeSandbox") -> list[Route]:
    catalogue, metering, invoicing = stripe.catalogue, stripe.metering, stripe.invoicing

    def meter_event(call: "Call") -> Body:
        return metering.receive(call.params, call.key or "")

    def summaries(call: "Call", meter: str) -> Body:
        stripe.process()
        return page(call, metering.summaries(meter, call.params), call.path)

    def meters(call: "Call") -> Body:
        return page(call, _wanted(call, metering.meters.values(), "status"), call.path)

    def create_meter(call: "Call") -> Body:
        return metering.create_meter(call.params)

    def deactivate(call: "Call", meter: str) -> Body:
        return stripe.one("meter", metering.meters, meter) | {"status": "inactive"}

    def customer(call: "Call", name: str) -> Body:
        return catalogue.customer(name)

    def create_customer(call: "Call") -> Body:
        return catalogue.create_customer(call.params)

    def balance_transactions(call: "Call", name: str) -> Body:
        catalogue.customer(name)
        rows = [row for row in invoicing.balances.transactions.values() if row["customer"] == name]
        return page(call, rows[::-1], call.path)

    def create_balance_transaction(call: "Call", name: str) -> Body:
        return invoicing.balances.create(name, call.params)

    def products(call: "Call") -> Body:
        return page(call, _wanted(call, catalogue.products.values(), "active"), call.path)

    def create_product(call: "Call") -> Body:
        return catalogue.create_product(call.params)

    def prices(call: "Call") -> Body:
        rows = _wanted(call, catalogue.prices.values(), "active", "product")
        return page(call, [_priced(call, row) for row in rows], call.path)

    def price(call: "Call", name: str) -> Body:
        return _priced(call, stripe.one("price", catalogue.prices, name))

    def create_price(call: "Call") -> Body:
        return _priced(call, catalogue.create_price(call.params))

    def subscriptions(call: "Call") -> Body:
        if "customer" in call.params:
            catalogue.named_customer(call.params["customer"])
        rows = _wanted(call, catalogue.subscriptions.values(), "customer")
        return page(call, [shown(row, "items") for row in rows if row["status"] != "canceled"], call.path)

    def subscription_items(call: "Call") -> Body:
        name = call.params["subscription"]
        if name not in catalogue.subscriptions:
            raise missing("subscription", name, param="subscription")
        return page(call, catalogue.subscriptions[name]["items"]["data"], call.path)

    def create_subscription(call: "Call") -> Body:
        return shown(catalogue.create_subscription(call.params), "items")

    def invoices(call: "Call") -> Body:
        if "customer" in call.params:
            catalogue.named_customer(call.params["customer"])
        rows = _wanted(call, invoicing.invoices.values(), "customer", "status")
        is_whole = "data.payments" in call.params.get("expand", [])
        answered = [{key: value for key, value in row.items() if key != "payments" or is_whole} for row in rows]
        return page(call, [shown(row, "lines") for row in answered], call.path)

    def invoice(call: "Call", name: str) -> Body:
        return shown(stripe.one("invoice", invoicing.invoices, name), "lines")

    def create_invoice(call: "Call") -> Body:
        return shown(invoicing.create_invoice(call.params), "lines")

    def finalize(call: "Call", name: str) -> Body:
        return shown(invoicing.finalize(stripe.one("invoice", invoicing.invoices, name)["id"]), "lines")

    def pay(call: "Call", name: str) -> Body:
        return shown(invoicing.pay(name, out_of_band=call.params.get("paid_out_of_band") == "true"), "lines")

    def void(call: "Call", name: str) -> Body:
        return shown(invoicing.void(name), "lines")

    def mark_uncollectible(call: "Call", name: str) -> Body:
        return shown(invoicing.mark_uncollectible(name), "lines")

    def delete_item(call: "Call", name: str) -> Body:
        return invoicing.delete_item(name)

    def update_subscription(call: "Call", name: str) -> Body:
        return shown(stripe.subscribing.update(name, call.params), "items")

    def cancel_subscription(call: "Call", name: str) -> Body:
        return shown(stripe.subscribing.cancel(name, call.params), "items")

    def create_schedule(call: "Call") -> Body:
        return stripe.subscribing.create_schedule(call.params)

    def schedule(call: "Call", name: str) -> Body:
        return stripe.one("subscription schedule", stripe.subscribing.schedules, name)

    def update_schedule(call: "Call", name: str) -> Body:
        return stripe.subscribing.update_schedule(name, call.params)

    def release_schedule(call: "Call", name: str) -> Body:
        return stripe.subscribing.release_schedule(name)

    def refunds(call: "Call") -> Body:
        since = int(call.params.get("created", {}).get("gte", 0))
        intent = call.params.get("payment_intent")
        rows = [
            row
            for row in invoicing.refunds.values()
            if row["created"] >= since and intent in (None, row["payment_intent"])
        ]
        return page(call, rows[::-1], call.path)

    def create_refund(call: "Call") -> Body:
        return invoicing.create_refund(call.params)

    def void_credit_note(call: "Call", name: str) -> Body:
        return invoicing.void_credit_note(name)

    def invoice_lines(call: "Call", name: str) -> Body:
        subscription = name.removeprefix(UPCOMING)
        whole = (
            stripe.one("invoice", invoicing.invoices, name)
            if subscription == name
            else invoicing.upcoming(subscription)
        )
        return page(call, whole["lines"]["data"], call.path)

    def upcoming(call: "Call") -> Body:
        return shown(invoicing.upcoming(call.params["subscription"]), "lines")

    def items(call: "Call") -> Body:
        if "customer" in call.params:
            catalogue.named_customer(call.params["customer"])
        return page(call, _wanted(call, invoicing.items.values(), "customer", "invoice"), call.path)

    def create_item(call: "Call") -> Body:
        return invoicing.create_item(call.params)

    def credit_notes(call: "Call") -> Body:
        return page(call, _wanted(call, invoicing.credit_notes.values(), "invoice", "customer"), call.path)

    def update_invoice(call: "Call", name: str) -> Body:
        return invoicing.update_invoice(name, call.params)

    def create_credit_note(call: "Call") -> Body:
        return invoicing.create_credit_note(call.params)

    def event(call: "Call", name: str) -> Body:
        return stripe.one("event", stripe.events, name)

    def account(call: "Call") -> Body:
        return {"id": stripe.account, "object": "account", "type": "standard", "country": "US"}

    table: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/v1/account", account),
        ("POST", "/v1/billing/meter_events", meter_event),
        ("GET", "/v1/billing/meters/([^/]+)/event_summaries", summaries),
        ("GET", "/v1/billing/meters", meters),
        ("POST", "/v1/billing/meters", create_meter),
        ("POST", "/v1/billing/meters/([^/]+)/deactivate", deactivate),
        ("GET", "/v1/customers/([^/]+)", customer),
        ("POST", "/v1/customers", create_customer),
        ("GET", "/v1/customers/([^/]+)/balance_transactions", balance_transactions),
        ("POST", "/v1/customers/([^/]+)/balance_transactions", create_balance_transaction),
        ("GET", "/v1/products", products),
        ("POST", "/v1/products", create_product),
        ("GET", "/v1/prices", prices),
        ("GET", "/v1/prices/([^/]+)", price),
        ("POST", "/v1/prices", create_price),
        ("GET", "/v1/subscriptions", subscriptions),
        ("POST", "/v1/subscriptions", create_subscription),
        ("GET", "/v1/subscription_items", subscription_items),
        ("GET", "/v1/invoices", invoices),
        ("POST", "/v1/invoices/create_preview", upcoming),
        ("GET", "/v1/invoices/([^/]+)", invoice),
        ("GET", "/v1/invoices/([^/]+)/lines", invoice_lines),
        ("POST", "/v1/subscriptions/([^/]+)", update_subscription),
        ("DELETE", "/v1/subscriptions/([^/]+)", cancel_subscription),
        ("POST", "/v1/subscription_schedules", create_schedule),
        ("GET", "/v1/subscription_schedules/([^/]+)", schedule),
        ("POST", "/v1/subscription_schedules/([^/]+)", update_schedule),
        ("POST", "/v1/subscription_schedules/([^/]+)/release", release_schedule),
        ("POST", "/v1/invoices", create_invoice),
        ("POST", "/v1/invoices/([^/]+)", update_invoice),
        ("POST", "/v1/invoices/([^/]+)/finalize", finalize),
        ("POST", "/v1/invoices/([^/]+)/pay", pay),
        ("POST", "/v1/invoices/([^/]+)/void", void),
        ("POST", "/v1/invoices/([^/]+)/mark_uncollectible", mark_uncollectible),
        ("GET", "/v1/refunds", refunds),
        ("POST", "/v1/refunds", create_refund),
        ("POST", "/v1/credit_notes/([^/]+)/void", void_credit_note),
        ("DELETE", "/v1/invoiceitems/([^/]+)", delete_item),
        ("GET", "/v1/invoiceitems", items),
        ("POST", "/v1/invoiceitems", create_item),
        ("GET", "/v1/credit_notes", credit_notes),
        ("POST", "/v1/credit_notes", create_credit_note),
        ("GET", "/v2/core/events/([^/]+)", event),
    ]
    return [(method, re.compile(path), handler) for method, path, handler in table]

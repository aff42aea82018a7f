"""What stands in the way of approving a statement, by code. What does so is found by `statements.blocking`.

Each finding's subject is the statement that is blocked. Facts of all that concern days: service_start, the first day of
the period that they are of, which is an approved one where the statement carries its corrections.
"""

from enum import StrEnum

from warehouse.database.queries import Row
from warehouse.finding import Finding, Subject


class Blocker(StrEnum):
    """Its facts are named beside each code."""

    RUNNING = "period_running"  # ends_on
    DAYS = "days_not_whole"  # days, source, provider, account, status, cause_code, cause, first_date, last_date
    SET_ASIDE = "row_set_aside"  # quarantine_id, contract, item, source, usage_date, reason, is_routed, is_of_length
    CALLS_OF_NOBODY = "calls_of_nobody"  # source, quantity, unit, calls (rows), agent_id
    SCOPES_OF_NOBODY = "scopes_of_nobody"  # as usage, and scopes (kind, scope, since, quantity), agent_id
    USAGE_MOVED = "usage_moved"  # as usage, and account, awaited_tenant_id
    UNPRICED = "usage_unpriced"  # usage: source, item, attributes, unit, quantity, reason, first_date, last_date
    NO_METER = "usage_without_meter"  # as usage, and voice (meter_id, terms) or unmetered
    UNKNOWN_TYPE = "usage_of_unknown_type"  # as usage
    USAGE_UNREAD = "usage_unread"  # as usage
    TOTAL = "total_differs"  # source, name, usage_date, provider_says, counted, is_repeated
    TWO_ACCOUNTS = "calls_in_two_accounts"  # call_id, usage_date, last_date, account, other_account, is_loss_shown
    COSTS_DIFFER = (
        "costs_of_a_call_differ"  # doubt, call_id, calls, charged, counted, charged_in_all, unit, is_repeated
    )
    MINUTES_DIFFER = "minutes_of_a_call_differ"  # as costs
    PRICE = "price_at_stripe_differs"  # meter_id, price_id, stripe_price
    MOVED = "total_moved"  # amount, former_amount, currency
    EARLIER = "earlier_period_open"  # open_period_start
    UNBALANCED = "books_do_not_balance"  # line_id, currency; rated_ and stated_ quantity and amount

    @property
    def may_be_overridden(self) -> bool:
        """Whether a person may say that it is meant."""
        return self not in {Blocker.RUNNING, Blocker.UNBALANCED}

    @property
    def is_usage(self) -> bool:
        """Whether it is an item that is not billed."""
        return self in _USAGE


_USAGE = {
    Blocker.CALLS_OF_NOBODY, Blocker.SCOPES_OF_NOBODY, Blocker.USAGE_MOVED, Blocker.UNPRICED, Blocker.NO_METER,
    Blocker.UNKNOWN_TYPE, Blocker.USAGE_UNREAD,
}  # fmt: skip


def blocks(code: Blocker, row: Row, **facts: object) -> Finding:
    """A statement is blocked. row: tenant_id and period_start, whatever it has of source and days, and the facts."""
    first = row.get("first_date", row.get("usage_date"))
    days = (first, row.get("last_date", first))
    return Finding(code, Subject(row["tenant_id"], row["period_start"], row.get("source"), *days), {**row, **facts})

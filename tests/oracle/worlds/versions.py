"""What people write later: prices, allowances, terms, plans, closings and credits, from days past and days to come.

What would rate an approved period otherwise is refused; everything else holds from the next build on.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar

from tests.oracle.comparing import Connection
from tests.oracle.money import decimals
from tests.oracle.periods import period_of
from tests.oracle.worlds.approving import Frozen
from tests.oracle.worlds.book import Allowance, Book, Credit, PlanChoice, Price, Status, Tenant, Terms
from tests.oracle.worlds.months import Author, World
from warehouse.control import plans, prices, tenant_credits, tenants
from warehouse.control.errors import PeriodApproved, Refused

V = TypeVar("V")
Written = tuple[Book, Callable[[Connection], object]]
KINDS = ("price", "own price", "allowance", "terms", "plan", "closing", "credit")


def write_some(operator: Connection, world: World, frozen: Frozen, random: Random) -> tuple[World, Counter[str]]:
    """Write a version for some of the tenants; how often each kind was written, and refused ("price refused")."""
    author, done = Author(random), Counter[str]()
    author.first_day = min(pull.usage_date for pull in world.pulls)
    author.as_of = world.as_of + timedelta(days=20)
    books = _books(world.book)
    for tenant_id, book in books.items():
        if random.random() < 0.5:
            continue
        kind = random.choice(KINDS)
        written = _drawn(author, book, kind)
        if written is None:
            continue
        after, write = written
        starts = frozen.get(tenant_id, {})
        changes = _rated_by(after, starts) != _rated_by(book, starts)
        try:
            write(operator)
        except (Refused, PeriodApproved):
            done[f"{kind} refused"] += 1
            continue
        assert not changes, f"{kind} of {tenant_id}: {_rated_by(book, starts)} became {_rated_by(after, starts)}"
        done[kind] += 1
        books[tenant_id] = after
    operator.commit()
    return replace(world, book=_joined(world.book, list(books.values()))), done


def _books(whole: Book) -> dict[str, Book]:
    """A book of each tenant alone: itself, its plans and their versions."""
    books = {tenant.tenant_id: Book(tenants=[tenant], meters=whole.meters) for tenant in whole.tenants}
    owner = {choice.plan_id: tenant.tenant_id for tenant in whole.tenants for choice in tenant.plans}
    for terms in whole.terms:
        books[owner[terms.plan_id]].terms.append(terms)
    for allowance in whole.allowances:
        books[owner[allowance.plan_id]].allowances.append(allowance)
    for price in whole.prices:
        books[price.owner if price.of_tenant else owner[price.owner]].prices.append(price)
    return books


def _joined(whole: Book, books: Sequence[Book]) -> Book:
    return replace(
        whole,
        tenants=[book.tenants[0] for book in books],
        terms=[one for book in books for one in book.terms],
        allowances=[one for book in books for one in book.allowances],
        prices=[one for book in books for one in book.prices],
    )


def _rated_by(book: Book, starts: Collection[date]) -> list[Any]:
    """What approved periods of its tenant are rated by: the versions of their first billed day, and their days."""
    found: list[Any] = []
    (tenant,) = book.tenants
    for start in starts:
        period = period_of(tenant, start) or period_of(tenant, start + timedelta(days=27))
        if period is None:  # a statement after closing, which rates nothing
            found.append(tenant.closed_on)
            continue
        day = period.first_billed_day
        plan_id = tenant.plan_on(day)
        meters = [meter.meter_id for meter in book.meters]
        found.append((
            period, plan_id, book.terms_on(plan_id, day),
            [(book.allowance_on(plan_id, meter, day), _said(book.price_on(tenant, meter, day))) for meter in meters],
        ))  # fmt: skip
    return found


def _said(price: Price | None) -> Price | None:
    """A price but for whose it is and since when."""
    return price and replace(price, owner="", valid_from=date.min, of_tenant=False)


def _drawn(author: Author, book: Book, kind: str) -> Written | None:
    """The book with another version of a kind, and how a person writes it; None where the tenant has nothing of it."""
    (tenant,) = book.tenants
    day, random = author.day(author.first_day, author.as_of), author.random
    plan_id = random.choice(tenant.plans).plan_id
    if kind == "plan":
        return _plan(book, tenant, PlanChoice(day, plan_id))
    if kind == "closing":
        return _closing(book, tenant, day)
    if kind == "credit":
        return _credit(author, book, tenant, day)
    if kind == "terms":
        voice = next((one.voice_meter_id for one in book.terms if one.plan_id == plan_id), None)
        fees = [author.fee(tenant.currency) for _ in range(3)]
        terms = Terms(plan_id, day, fees[0], fees[1], fees[2], random.random() < 0.5, voice)
        return replace(book, terms=_put(book.terms, terms, "plan_id", "valid_from")), lambda operator: plans.put_terms(
            operator, plans.Terms(**asdict(terms))
        )
    meters = sorted({one.meter_id for one in book.allowances if one.plan_id == plan_id})
    meter_id = random.choice(meters)
    if kind == "allowance":
        allowance = Allowance(plan_id, meter_id, day, random.choice((0, 1, 31, 100)))
        changed = _put(book.allowances, allowance, "plan_id", "meter_id", "valid_from")
        return replace(book, allowances=changed), lambda operator: plans.put_allowance(
            operator, plan_id, meter_id, day, allowance.quantity
        )
    of_tenant = kind == "own price"
    price = author.price(tenant.tenant_id if of_tenant else plan_id, meter_id, day, of_tenant=of_tenant)
    changed_prices = _put(book.prices, price, "of_tenant", "owner", "meter_id", "valid_from")
    return replace(book, prices=changed_prices), lambda operator: prices.put_price(operator, _of_the_product(price))


def _plan(book: Book, tenant: Tenant, choice: PlanChoice) -> Written:
    changed = replace(tenant, plans=tuple(_put(tenant.plans, choice, "valid_from")))
    return replace(book, tenants=[changed]), lambda operator: tenants.put_tenant_plan(
        operator, tenant.tenant_id, choice.plan_id, choice.valid_from
    )


def _closing(book: Book, tenant: Tenant, day: date) -> Written | None:
    """Of one that is active or paused then and not closed yet."""
    if tenant.closed_on is not None or tenant.status_on(day) is None:
        return None
    before = tuple(one for one in tenant.statuses if one.valid_from < day)
    changed = replace(tenant, statuses=(*before, Status(day, "closed")))
    return replace(book, tenants=[changed]), lambda operator: tenants.close(operator, tenant.tenant_id, day)


def _credit(author: Author, book: Book, tenant: Tenant, day: date) -> Written:
    amount = author.decimal(5000, decimals(tenant.currency))
    expires = day + timedelta(days=author.random.randint(1, 60)) if author.random.random() < 0.6 else None
    number = len(tenant.credits)
    changed = replace(tenant, credits=(*tenant.credits, Credit(number, amount, day, expires)))
    given = tenant_credits.Credit(tenant.tenant_id, amount, day, f"generated {number}", expires)
    return replace(book, tenants=[changed]), lambda operator: tenant_credits.give(operator, given)


def _put(versions: Sequence[V], version: V, *key: str) -> list[V]:
    """The versions and this one, in the place of the one that says the same of it."""
    place = [getattr(version, name) for name in key]
    return [*(one for one in versions if [getattr(one, name) for name in key] != place), version]


def _of_the_product(price: Price) -> prices.Price:
    return prices.Price(
        price.meter_id, price.valid_from, prices.Model(price.model),
        None if price.of_tenant else price.owner, price.owner if price.of_tenant else None,
        price.unit_amount, price.package_size,
        tuple(prices.Tier(tier.up_to, tier.unit_amount) for tier in price.tiers),
    )  # fmt: skip

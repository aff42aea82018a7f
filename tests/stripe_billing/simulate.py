"""Months of tenants, restatements, approvals, kills, faults and clock jumps, each from a seed.

    python -m tests.stripe_billing.simulate --seeds 1000 --jobs 2

Of each seed is proven, once the disturbance has ended: no posting is left in flight; what we count as accepted is what
Stripe holds; it is what the marts want, but of days that no meter takes any more; and whatever those days lack has come
as invoice items, so that what Stripe's invoices charge, all in all, is the price of what the marts say, to the cent.
Until then `minutebook reconcile` is red of those days alone, and afterwards of none.

Of some tenants the day in progress is read too: its value moves many times before it is over, then it waits for the
night, which replaces it. Stripe is sent no value of these that the marts did not say was known.

A seed always does the same: `--seed N` replays it, `--trace` prints its calls. `--threads` runs it with real threads
instead, whose order nobody decides.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import stripe
import structlog

from orchestration.installing import install as migrate
from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi, midnight
from orchestration.stripe_billing.api.errors import BillingError
from orchestration.stripe_billing.posting.readiness import Readiness
from orchestration.stripe_billing.posting.report import Limits
from orchestration.stripe_billing.posting.run import threads
from orchestration.stripe_billing.reconciliation import differences, read_summaries
from tests.conftest import FAST_AND_LOOSE, TEMPLATE, administer, database_of, own_database
from tests.sandbox.stripe import Call, Fault, StripeSandbox
from tests.sandbox.stripe.metering import MeterEvent
from tests.stripe_billing.comparison import set_today, show_comparison
from tests.stripe_billing.scene import DAY, KEY, OVERAGES, STATEMENT_LINES, Scene, month_of
from tests.stripe_billing.schedule import Killed, SeededPool
from warehouse.database.embedded import running

METERS = ("voice", "chat")
CENTS = 15
STAGES = ("received", "processed", "recorded")
# What a person must act on is none of these: nothing is refused that a later run would not settle by itself.
FAULTS = [fault for fault in Fault if fault not in (Fault.HANG, Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.MISSING)]
WRITES = ("/v1/billing/meter_events", "/v1/invoiceitems", "/v1/credit_notes")
PLANS = """
insert into control.plans (plan_id, name, currency) values ('noting', 'Noting', 'USD'), ('plain', 'Plain', 'USD');
insert into control.plan_terms (plan_id, valid_from, subscription_fee, gives_credit_notes)
values ('noting', '2020-01-01', 0, true), ('plain', '2020-01-01', 0, false);
"""
PATIENT = 120.0
"""Seconds a call may take: on a busy machine a shorter one would be a fault that no seed asked for."""

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.stripe_billing.scene", "tests.stripe_billing.schedule", "tests.conftest"])
Key = tuple[str, str, date]


class Version(NamedTuple):
    """Of a posting: what was said of a day, and what became of it."""

    identifier: str
    value: int
    state: str
    code: str | None


@dataclass
class Story:
    """What one seed did. calls: every call Stripe received, with what became of it, in order."""

    seed: int
    runs: int = 0
    kills: int = 0
    faults: int = 0
    sent: int = 0
    in_progress: int = 0
    items: int = 0
    notes: int = 0
    log: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def add(self, other: "Story") -> None:
        self.runs, self.kills, self.faults = (
            self.runs + other.runs,
            self.kills + other.kills,
            self.faults + other.faults,
        )
        self.sent, self.items = self.sent + other.sent, self.items + other.items
        self.in_progress, self.notes = self.in_progress + other.in_progress, self.notes + other.notes


class Dying(StripeApi):
    """Stripe for a process that is killed at its nth write, before it is sent or after it was answered."""

    def __init__(self, url: str, stage: str, number: int) -> None:
        super().__init__(KEY, url, timeout=PATIENT, read_retries=0)
        self._stage, self._left = stage, number

    def send_meter_event(self, *words: Any) -> None:
        self._write(super().send_meter_event, *words)

    def create_invoice_item(self, *words: Any) -> Any:
        return self._write(super().create_invoice_item, *words)

    def create_credit_note(self, *words: Any) -> Any:
        return self._write(super().create_credit_note, *words)

    def _write(self, call: Callable[..., Any], *words: Any) -> Any:
        self._left -= 1
        if not self._left and self._stage == "received":
            raise Killed
        answer = call(*words)
        if not self._left and self._stage == "processed":
            raise Killed
        return answer


def post(scene: Scene, limits: Limits, pool: Callable[[int], Executor], api: StripeApi) -> list[str]:
    """`minutebook post`; what it could not do is said."""
    said = []
    with scene.desk(api, limits, pool) as (poster, invoicer):
        for work in (poster.run, invoicer.run):
            try:
                work()
            except (BillingError, stripe.StripeError) as error:
                said.append(str(error))
    return said


def post_as_a_process(
    url: str, stripe_url: str, now: float, skew: float, workers: int, chance: random.Random | None
) -> None:
    """The same in a process of its own; it is killed from outside."""
    os.setpgid(0, 0)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    remote = StripeSandbox(now)
    remote._server.port = int(stripe_url.rsplit(":", 1)[1])
    with psycopg.connect(url, autocommit=True) as owner, suppress(BillingError):
        api = StripeApi(KEY, stripe_url, timeout=PATIENT, read_retries=0)
        post(Scene(url, remote, owner, skew), hurried(workers), pool_of(chance), api)


def hurried(workers: int) -> Limits:
    return Limits(workers=workers, per_second=1e6, attempts=2, patience=6)


def pool_of(chance: random.Random | None) -> Callable[[int], Executor]:
    return threads if chance is None else lambda workers: SeededPool(chance, workers)


class Simulation:
    """One seed over a scene of its own."""

    def __init__(self, scene: Scene, seed: int, *, processes: bool, with_threads: bool = False, days: int = 50) -> None:
        self.scene, self.seed, self.processes, self.days = scene, seed, processes, days
        self.random = random.Random(seed)
        self.with_threads = with_threads
        self.story = Story(seed)
        self.quiet_from = scene.today
        self.tenants: dict[str, tuple[str, int]] = {}
        self.wanted: dict[Key, int] = {}
        self.known: dict[Key, set[int]] = defaultdict(lambda: {0})
        self.unread: dict[str, set[date]] = {}
        self.frozen: dict[tuple[str, str, date], int] = {}
        self.approved: dict[tuple[str, date], date] = {}
        self._asked: Counter[str] = Counter()
        self._looked: dict[tuple[str, date], list[float]] = defaultdict(list)

    def run(self) -> Story:
        stripe, rng = self.scene.stripe, self.random
        stripe.metering.lag = lambda: self._chance("lag", len(stripe.metering.received)).choice([0, 0, 5, 600, 7200])
        stripe.hook = lambda stage, call: self._note(stage, call)
        for number in range(rng.randint(1, 3)):
            name = f"s{self.seed}-{number}"
            anchor = rng.choice([1, 1, 7, 15, 28])
            self.tenants[name] = self.scene.tenant(name, METERS, anchor), anchor
            self._choose_plans(name)
            if self._chance("has today read", name).random() < 0.6:
                self.unread[name] = set()
        end = stripe.now + rng.randint(self.days // 2, self.days) * DAY
        while stripe.now < end:
            stripe.advance(rng.choice([3600, 6 * 3600, DAY, DAY, 2 * DAY, 3 * DAY, rng.randint(1, 9 * DAY)]))
            self._restate()
            self._read_today()
            self._approve(0.3)
            self._post_badly()
        # The disturbance ends; a last restatement and three quiet nights follow, then what is needed to bill it all.
        stripe.fault, self.scene.skew = (lambda call: None), 0.0
        self._restate()
        self._read_today()
        self.quiet_from = self.scene.today
        for _ in range(3):
            for name in self.tenants:
                self._read_whole(name)
            self._post_well()
            stripe.advance(25 * 3600)
        self._prove_days()
        self._prove_told({"uncovered"})
        for week in range(6):
            stripe.advance(8 * DAY)
            if week == self._chance("another price").randint(0, 11):
                self._change_prices()
            self._approve(1.0)
            if self._chance("a bad week", week).random() < 0.7:
                self._post_badly()  # there is hardly any but items and credit notes left to post
                stripe.fault, self.scene.skew = (lambda call: None), 0.0
            self._post_well()
        if self._chance("the end").random() < 0.5:
            for subscription in stripe.catalogue.subscriptions.values():
                subscription["status"] = "canceled"
            stripe.advance(3600)
            self._post_well()
        self._decide()
        self._post_well()
        self._prove_money()
        self._prove_told(set())
        return self.story

    def _choose_plans(self, tenant: str) -> None:
        """Two of three tenants begin on a plan that gives credit notes; some change to one that does not, or back."""
        chance, day = self._chance("plans", tenant), date(2020, 1, 1)
        for plan in chance.choice([["noting"], ["noting", "plain"], ["plain", "noting"]]):
            self.scene.owner.execute("insert into control.tenant_plans values (%s, %s, %s)", [tenant, day, plan])
            day = self.scene.today + timedelta(days=chance.randint(-30, 60))

    # What the marts and finance do

    def _restate(self) -> None:
        rng, today = self.random, self.scene.today
        for name, (_, anchor) in self.tenants.items():
            for meter in METERS:
                for _ in range(rng.randint(0, 4)):
                    day = today - timedelta(days=rng.choice([1, 1, 1, 2, 2, 3, rng.randint(1, 33)]))
                    value = rng.choice([0, 1, rng.randint(2, 500), rng.randint(2, 10**9)])
                    if rng.random() < 0.1:
                        self.scene.owner.execute(
                            "delete from marts.fct_overages_daily where tenant_id = %s and meter_id = %s"
                            " and usage_date = %s", [name, meter, day],
                        )  # fmt: skip
                        value = 0
                    else:
                        self.scene.overage(name, day, value, meter, anchor=anchor)
                    self.wanted[name, meter, day] = value
            self._judge(name)

    def _read_today(self) -> None:
        """The day in progress of those who chose so; the night of the days before has come meanwhile, or not yet."""
        today = self.scene.now().date()
        for name, days in self.unread.items():
            chance = self._chance("today", name, self.scene.stripe.now)
            if chance.random() < 0.7:
                self._read_whole(name)
            days.add(today)
            for meter in METERS:
                value = chance.choice([0, 1, chance.randint(2, 500), chance.randint(2, 10**9)])
                self.scene.overage(name, today, value, meter, anchor=self.tenants[name][1])
                self.wanted[name, meter, today] = value
            self._judge(name)

    def _read_whole(self, name: str) -> None:
        """The night: the last word on days that are over and were read while they were in progress."""
        over = {day for day in self.unread.get(name, ()) if day < self.scene.now().date()}
        for key in [key for key in self.wanted if key[0] == name and key[2] in over]:
            value, chance = self.wanted[key], self._chance("night", *key)
            self.wanted[key] = chance.choice([value, value + chance.randint(1, 99), 0, max(0, value - 1)])
            self.scene.overage(name, key[2], self.wanted[key], key[1], anchor=self.tenants[name][1])
        self.unread.get(name, set()).difference_update(over)
        self._judge(name)

    def _judge(self, name: str) -> None:
        """As the build says: days are complete up to the first that is not read whole; it is known if it is today."""
        first = min(self.unread.get(name, ()), default=date.max)
        rows = self.scene.owner.execute(
            "update marts.fct_overages_daily set is_complete = usage_date < %(first)s,"
            " is_known_so_far = usage_date < %(first)s or (usage_date = %(first)s and usage_date = %(today)s)"
            " where tenant_id = %(name)s returning meter_id, usage_date, overage_quantity, is_known_so_far",
            {"first": first, "today": self.scene.now().date(), "name": name},
        ).fetchall()
        for meter, day, value, is_known in rows:
            if is_known:
                self.known[name, meter, day].add(value)

    def _approve(self, probability: float) -> None:
        """Freeze the statements of periods that are over, in order; what changed since in earlier ones adjusts them."""
        for tenant, (_, anchor) in self.tenants.items():
            starts = sorted({month_of(day, anchor)[0] for name, _, day in self.wanted if name == tenant})
            for start in starts:
                end = month_of(start, anchor)[1]
                if (tenant, start) in self.approved:
                    continue
                if end >= self.scene.today or self.random.random() >= probability:
                    break
                self._freeze(tenant, start, end)
        # What still changes of the last approved period needs one more statement to carry it.
        if probability == 1.0:
            for tenant, (_, anchor) in self.tenants.items():
                start = max((begun for name, begun in self.approved if name == tenant), default=None)
                if start and (end := month_of(start, anchor)[1]) and month_of(end, anchor)[1] < self.scene.today:
                    self._freeze(tenant, end, month_of(end, anchor)[1])

    def _freeze(self, tenant: str, start: date, end: date) -> None:
        owner = self.scene.owner
        owner.execute(
            "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
            " values (%s, %s, %s, 'approved', 'x')", [tenant, start, end],
        )  # fmt: skip
        earlier = [(begun, ended) for (name, begun), ended in self.approved.items() if name == tenant]
        self.approved[tenant, start] = end
        for meter in METERS:
            for begun, ended in [*earlier, (start, end)]:
                units = self._units(tenant, meter, begun, ended)
                change = units - self.frozen.get((tenant, meter, begun), 0)
                if not change:
                    continue
                kind = "overage" if begun == start else "adjustment"
                line = f"{tenant}/{start}/{kind}/{meter}" + ("" if begun == start else f"/{begun}")
                owner.execute(
                    "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, meter_id,"
                    " quantity, amount, currency, service_period_start, service_period_end, corrects_line_id, inputs)"
                    " values (%s, %s, %s, %s, %s, %s, %s::numeric / 100, 'USD', %s, %s, %s, '{}')",
                    [
                        line, tenant, start, kind, meter, change, change * CENTS, begun, ended,
                        None if begun == start else f"{tenant}/{begun}/overage/{meter}",
                    ],
                )  # fmt: skip
                self.frozen[tenant, meter, begun] = units

    def _units(self, tenant: str, meter: str, start: date, end: date) -> int:
        return sum(
            value
            for (name, of, day), value in self.wanted.items()
            if (name, of) == (tenant, meter) and start <= day < end
        )

    def _change_prices(self) -> None:
        """A person puts other prices on the subscriptions; that they charge the same keeps the proof simple."""
        catalogue = self.scene.stripe.catalogue
        for subscription in catalogue.subscriptions.values():
            for item in subscription["items"]["data"]:
                old = item["price"]
                params = {name: old[name] for name in ("product", "currency", "unit_amount_decimal", "recurring")}
                item["price"] = {key: value for key, value in catalogue.create_price(params).items() if key != "tiers"}

    # What posting goes through

    def _post_well(self) -> None:
        api = StripeApi(KEY, self.scene.stripe.url, timeout=PATIENT)
        said = post(self.scene, Limits(workers=4, per_second=1e6), self._pool(), api)
        assert not said, f"a quiet run fails: {said}"

    def _post_badly(self) -> None:
        rng, stripe = self.random, self.scene.stripe
        self.scene.skew = rng.choice([0, 0, 0, 200, -200, DAY * 0.5, -DAY * 0.5])
        badness = rng.choice([0, 0, 0.05, 0.3, 1.0])
        stripe.fault = lambda call: self._fault(call, badness)
        self.story.runs += 1
        limits = hurried(rng.choice([1, 4]))
        stage, number = rng.choice(STAGES), rng.randint(1, 12)
        if rng.random() >= 0.6:
            api = StripeApi(KEY, stripe.url, timeout=PATIENT, read_retries=0)
            self.story.log += post(self.scene, limits, self._pool(), api)
        elif self.processes:
            self._kill_a_process(stage if stage != "recorded" else "processed", number, limits.workers)
        else:
            self._kill(stage, number, limits)

    def _fault(self, call: Call, badness: float) -> Fault | None:
        """By what is called and how often it was, whatever else was called meanwhile."""
        name = call.key or f"{call.path} {sorted(call.params.items())}"
        self._asked[name] += 1
        chance = self._chance(name, self._asked[name])
        if chance.random() >= (badness if call.path in WRITES else badness / 4):
            return None
        self.story.faults += 1
        return chance.choice(FAULTS)

    def _kill(self, stage: str, number: int, limits: Limits) -> None:
        """At the nth write to Stripe, before or after it, or where the nth outcomes are about to be recorded."""
        api, records = Dying(self.scene.stripe.url, stage, number), 0
        with self.scene.desk(api, limits, self._pool()) as (poster, invoicer):
            real = poster._record

            def record(resolutions: Any) -> int:
                nonlocal records
                records += 1
                if stage == "recorded" and records > number % 3:
                    raise Killed
                return real(resolutions)

            poster._record = record  # type: ignore[method-assign]
            try:
                for work in (poster.run, invoicer.run):
                    try:
                        work()
                    except (BillingError, stripe.StripeError) as error:
                        self.story.log.append(str(error))
            except Killed:
                self.story.kills += 1

    def _kill_a_process(self, stage: str, number: int, workers: int) -> None:
        """By the system, while its nth write is at Stripe."""
        stripe, seen = self.scene.stripe, 0
        chance = None if self.with_threads else random.Random(self.random.random())
        process = FORKSERVER.Process(
            target=post_as_a_process, args=(self.scene.url, stripe.url, stripe.now, self.scene.skew, workers, chance)
        )

        def hook(at: str, call: Call) -> None:
            nonlocal seen
            self._note(at, call)
            if call.method == "POST" and call.path in WRITES and at == stage:
                seen += 1
                if seen == number and process.pid:
                    os.kill(process.pid, signal.SIGKILL)

        stripe.hook = hook
        process.start()
        process.join()
        # What it left at Stripe is worked off, and its lock is given back, before anything else happens.
        while stripe.at_work or self._is_locked():
            time.sleep(0.001)
        stripe.hook = lambda stage, call: self._note(stage, call)
        self.story.kills += process.exitcode == -signal.SIGKILL

    def _is_locked(self) -> bool:
        row = self.scene.owner.execute(
            "select exists(select 1 from pg_locks where locktype = 'advisory' and classid = 7736 and database ="
            " (select oid from pg_database where datname = current_database()))"
        ).fetchone()
        return row is not None and bool(row[0])

    def _note(self, stage: str, call: Call) -> None:
        if stage == "processed" and call.path.endswith("/event_summaries"):
            day = date(1970, 1, 1) + timedelta(days=int(call.params["start_time"]) // DAY)
            self._looked[call.params["customer"], day].append(self.scene.stripe.now)
        if stage == "received":
            self.story.calls.append(f"{self.scene.stripe.now:.0f} {call.method} {call.path} {call.key or call.params}")

    def _decide(self) -> None:
        """A person has refused credit notes given back by items: twice by mistake, and on a bad line at first."""
        lines = self.scene.owner.execute(
            "select distinct line_id from ledger.invoice_items where state = 'refused' and item_kind = 'credit_note'"
            " order by 1"
        ).fetchall()
        for (line,) in lines:
            for badness in (self._chance("decides", line).choice([0, 0.3, 1.0]), 0, 0):
                self.scene.stripe.fault = lambda call, bad=badness: self._fault(call, bad)
                with suppress(BillingError, stripe.StripeError):
                    self.scene.settle(line, StripeApi(KEY, self.scene.stripe.url, timeout=PATIENT, read_retries=0))
        self.scene.stripe.fault = lambda call: None

    def _pool(self) -> Callable[[int], Executor]:
        return pool_of(None if self.with_threads else random.Random(self.random.random()))

    def _chance(self, *words: object) -> random.Random:
        return random.Random(f"{self.seed}/{words}")

    # What must hold

    def _prove_days(self) -> None:
        """Marts = postings = Stripe of every day a meter takes; nothing is in flight; nothing was invented."""
        scene, stripe = self.scene, self.scene.stripe
        stripe.metering.settle()
        assert not stripe.violations, stripe.violations
        rows = scene.owner.execute(
            "select tenant_id, meter_id, usage_date, identifier, value, state, cause_code from ledger.postings"
            " order by version"
        ).fetchall()
        by_day: dict[Key, list[Version]] = defaultdict(list)
        for tenant, meter, day, *said in rows:
            by_day[tenant, meter, day].append(Version(*said))
        assert by_day.keys() <= self.wanted.keys(), f"nobody asked for {by_day.keys() - self.wanted.keys()}"
        received: dict[Key, list[MeterEvent]] = defaultdict(list)
        tenants = {customer: name for name, (customer, _) in self.tenants.items()}
        for event in stripe.metering.received:
            self.story.sent += 1
            day = date(1970, 1, 1) + timedelta(days=event.timestamp // DAY)
            key = tenants[event.customer], event.event_name.removeprefix("minutebook_"), day
            committed = {version.identifier: version.value for version in by_day[key]}
            assert committed.get(event.identifier) == int(event.value), f"not committed: {event}"
            assert int(event.value) in self.known[key], f"{event} was never known"
            self.story.in_progress += event.received_at < midnight(day + timedelta(days=1))
            received[key].append(event)
        for key, wanted in self.wanted.items():
            self._prove_day(key, wanted, by_day[key], received[key])

    def _prove_day(self, key: Key, wanted: int, versions: list[Version], received: list[MeterEvent]) -> None:
        # A clock of ours that is ahead has begun a day which Stripe takes nothing of yet.
        assert all(one.state in ("accepted", "lost", "uncovered") or one.code == "clock_ahead" for one in versions), (
            f"{key} {versions}"
        )
        accepted = next(
            (place for place in range(len(versions) - 1, -1, -1) if versions[place].state == "accepted"), -1
        )
        value, held = versions[accepted].value if accepted >= 0 else 0, self._held(key)
        is_frozen = (key[0], month_of(key[2], self.tenants[key[0]][1])[0]) in self.approved
        if not versions or versions[-1].state != "uncovered":
            # By an error it said that it has not the last one, and before that was asked again the day was too old.
            last = versions[-1] if versions and self._is_too_old(key) else None
            is_denied = last is not None and last.state == "lost" and last.code != "forgotten"
            assert held == value or (last and is_denied and held == last.value), (
                f"Stripe: {key} {held} != {value}, {versions}"
            )
            assert value == wanted or is_frozen or self._is_too_old(key), f"marts: {key} {wanted}, {versions}"
            return
        # No meter takes it any more: that very value was told to be uncovered, or what Stripe has is wanted again.
        assert versions[-1].code in ("too_old", "invoice_final"), f"{key} {versions}"
        assert wanted in (versions[-1].value, value) or is_frozen or self._is_too_old(key), (
            f"marts: {key} {wanted}, {versions}"
        )
        if held == value:
            return
        # Then it holds a version after the accepted one, of which it had said that it has not: by an error, or since it
        # was read back before the event was summed. The proof of money tells that it is billed once.
        later = {one.identifier: one for one in versions[accepted + 1 :]}
        event = received[-1]
        assert event.identifier in later, f"Stripe: {key} holds {event}, {versions}"
        assert held == later[event.identifier].value, f"Stripe: {key} {held}, {versions}"
        is_denied = later[event.identifier].state == "lost" and later[event.identifier].code != "forgotten"
        looked = self._looked[self.tenants[key[0]][0], key[2]]
        is_late = any(event.received_at <= moment < event.effective_at for moment in looked)
        assert is_denied or is_late, f"Stripe: {key} was known to hold {event}, {versions}"

    def _is_too_old(self, key: Key) -> bool:
        """Restated for the last time when no meter took it any more, so that only invoice items can bill it."""
        return (self.quiet_from - key[2]).days > 35

    def _held(self, key: Key) -> int:
        tenant, meter, day = key
        by_name = {one["event_name"]: one["id"] for one in self.scene.stripe.metering.meters.values()}
        name, number = by_name[f"minutebook_{meter}"], (day - date(1970, 1, 1)).days
        return self.scene.stripe.metering.value(name, self.tenants[tenant][0], number) or 0

    def _prove_money(self) -> None:
        """Per period and meter Stripe charges the frozen line, and in all what the marts say, by usage and by items."""
        invoicing = self.scene.stripe.invoicing
        items: Counter[str] = Counter()
        for item in invoicing.items.values():
            items[item["metadata"]["minutebook_line"]] += item["amount"]
        for note in invoicing.credit_notes.values():
            items[note["metadata"]["minutebook_line"]] -= note["amount"]
        self.story.items, self.story.notes = len(invoicing.items), len(invoicing.credit_notes)
        left = self.scene.owner.execute("select count(*) from ledger.invoice_items where state = 'pending'").fetchone()
        assert left == (0,), f"{left} items are in flight"
        lines = self.scene.owner.execute(
            "select line_id, tenant_id, meter_id, period_start, line_kind, (amount * 100)::bigint"
            " from ledger.statement_lines"
        ).fetchall()
        owed = {line[0]: line for line in lines}
        for tenant, (customer, anchor) in self.tenants.items():
            for meter in METERS:
                for begun in (start for name, start in self.approved if name == tenant):
                    key = f"{tenant}/{begun}/overage/{meter}"
                    wanted = owed[key][5] if key in owed else 0
                    charged = self._charged(customer, meter, month_of(begun, anchor)[1])
                    assert charged + items[key] == wanted, f"{key}: {charged} + {items[key]} != {wanted} cents"
        for key, (_, _, _, _, kind, amount) in owed.items():
            assert kind == "overage" or items[key] == amount, f"{key}: {items[key]} != {amount} cents"
        charged = sum(
            line["amount"]
            for invoice in invoicing.invoices.values()
            for line in invoice["lines"]["data"]
            if line["pricing"] and invoice["status"] != "draft"
        )
        wanted = CENTS * sum(self.wanted.values())
        assert charged + items.total() == wanted, f"in all: {charged} + {items.total()} != {wanted} cents"

    def _prove_told(self, red: set[str]) -> None:
        """`minutebook reconcile` is red of nothing else: of nothing at all once everything is billed."""
        scene = self.scene
        with scene.billing() as connection, scene.billing() as of_cache:
            api = StripeApi(KEY, scene.stripe.url, timeout=PATIENT)
            readiness = Readiness(StripeCache(of_cache, api, scene.now), scene.now, scene.grace)
            read_summaries(connection, api, readiness, scene.now, workers=1, per_second=1e6)
            set_today(scene.owner, scene.now().date())
            found = [one for one in differences(connection) if one.is_red and one.finding not in red]
        assert not found, f"reconcile: {found}"

    def _charged(self, customer: str, meter: str, end: date) -> int:
        stripe = self.scene.stripe
        by_name = {one["event_name"]: one["id"] for one in stripe.metering.meters.values()}
        return sum(
            line["amount"]
            for invoice in stripe.invoicing.invoices.values()
            if invoice["customer"] == customer and invoice["period_end"] == midnight(end)
            for line in invoice["lines"]["data"]
            if line["pricing"]
            and stripe.catalogue.prices[line["pricing"]["price_details"]["price"]]["recurring"]["meter"]
            == by_name[f"minutebook_{meter}"]
        )


@contextmanager
def world(url: str, now: float) -> Iterator[Scene]:
    with StripeSandbox(now) as stripe, psycopg.connect(url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        show_comparison(owner)
        owner.execute(STATEMENT_LINES)
        owner.execute(PLANS)
        scene = Scene(url, stripe, owner)
        for meter in METERS:
            scene.meter(meter)
        yield scene


def run_seed(url: str, seed: int, *, processes: bool, with_threads: bool = False) -> Story:
    """One seed on a fresh database. Raises AssertionError where something was lost, doubled or invented."""
    with world(url, 1_793_500_000.0 + seed % 300 * DAY) as scene:
        return Simulation(scene, seed, processes=processes, with_threads=with_threads).run()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_seeds(seeds: list[int], with_threads: bool, trace: bool) -> tuple[Story, list[int]]:
    """Several on one server; returns what they did and which failed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    started, failed, total = time.monotonic(), [], Story(0)
    with tempfile.TemporaryDirectory() as home, running(Path(home), settings=FAST_AND_LOOSE) as url:
        administer(url, "create database {}", TEMPLATE)
        migrate(database_of(url, TEMPLATE))
        for count, seed in enumerate(seeds, 1):
            try:
                # Every tenth seed posts in processes that are really killed.
                with own_database(url) as own:
                    story = run_seed(own, seed, processes=seed % 10 == 0, with_threads=with_threads)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other seeds go on
                failed.append(seed)
                again = f"python -m tests.stripe_billing.simulate --seed {seed}"
                say(f"seed {seed}: {type(error).__name__}: {error}\n  replay: {again}")
                continue
            total.add(story)
            if trace:
                say("\n".join(story.calls))
            if count % 50 == 0:
                say(f"{count} seeds, up to {seed}, in {time.monotonic() - started:.0f} s")
    return total, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a server of its own")
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--trace", action="store_true", help="print every call that Stripe received")
    parser.add_argument("--threads", action="store_true", help="real threads; not the same twice")
    asked = parser.parse_args()
    seeds = [asked.seed] if asked.seed else list(range(asked.first, asked.first + asked.seeds))
    shares = [(share, asked.threads, asked.trace) for part in range(asked.jobs) if (share := seeds[part :: asked.jobs])]
    if len(shares) == 1:
        reported = [run_seeds(*shares[0])]
    else:
        with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
            reported = list(pool.map(run_seeds, *zip(*shares, strict=True)))
    total, failed = Story(0), sorted(seed for _, some in reported for seed in some)
    for story, _ in reported:
        total.add(story)
    say(
        f"{len(seeds)} seeds, {len(failed)} failed{': ' if failed else ''}{', '.join(map(str, failed))}: {total.runs}"
        f" disturbed runs, {total.kills} kills, {total.faults} faults; Stripe received {total.sent} events,"
        f" {total.in_progress} of days in progress, and {total.items} items, {total.notes} credit notes; in the others"
        " postings + items - notes = marts, to the cent"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Months of tenants, restatements, kills, faults and clock jumps, each from a seed.

    python -m tests.billing.simulate --seeds 1000

After each seed the marts' overage, the accepted postings and Stripe's totals are one and the same, for every tenant,
meter and day that a meter can still carry. A failing seed is replayed with `--seed N`.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import structlog

from orchestration.billing.errors import BillingError
from orchestration.billing.report import Limits
from tests.billing.scene import DAY, OVERAGES, Scene
from tests.sandbox.stripe import Call, Fault, StripeSandbox
from warehouse.embedded import running
from warehouse.migrate import migrate

METERS = ("voice", "chat")
STAGES = ("received", "processed", "recorded")
FAULTS = [fault for fault in Fault if fault not in (Fault.HANG, Fault.UNAUTHORIZED)]
FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.billing.scene", "stripe._stripe_client"])


class Killed(BaseException):
    """Stands for a process that is gone: nothing of ours catches it."""


@dataclass
class Story:
    """What one seed did."""

    seed: int
    runs: int = 0
    kills: int = 0
    faults: int = 0
    sent: int = 0
    log: list[str] = field(default_factory=list)


def post_as_a_process(url: str, stripe_url: str, now: float, skew: float, workers: int) -> None:
    """A posting run in a process of its own; it is killed from outside."""
    os.setpgid(0, 0)
    remote = StripeSandbox(now)
    remote._server.port = int(stripe_url.rsplit(":", 1)[1])
    with psycopg.connect(url, autocommit=True) as owner:
        scene = Scene(url, remote, owner, skew)
        with suppress(BillingError):
            scene.post(Limits(workers=workers, per_second=1e6, attempts=2, patience=6))


class Simulation:
    """One seed over a scene whose database has been used by other seeds before."""

    def __init__(self, scene: Scene, seed: int, *, processes: bool, days: int = 50) -> None:
        self.scene, self.random, self.processes, self.days = scene, random.Random(seed), processes, days
        self.story = Story(seed)
        self.quiet_from = scene.today
        self.tenants: dict[str, tuple[str, int]] = {}
        self.wanted: dict[tuple[str, str, date], int] = {}
        self.fixed: set[tuple[str, str, date]] = set()

    def run(self) -> Story:
        stripe, rng = self.scene.stripe, self.random
        stripe.metering.lag = lambda: rng.choice([0, 0, 5, 600, 7200])
        for number in range(rng.randint(1, 3)):
            name = f"s{self.story.seed}-{number}"
            anchor = rng.choice([1, 1, 7, 15, 28])
            self.tenants[name] = self.scene.tenant(name, METERS, anchor), anchor
        end = stripe.now + rng.randint(self.days // 2, self.days) * DAY
        while stripe.now < end:
            stripe.advance(rng.choice([3600, 6 * 3600, DAY, DAY, 2 * DAY, 3 * DAY, rng.randint(1, 9 * DAY)]))
            self._restate()
            self._post_badly()
        # The disturbance ends; a last restatement and two quiet nights follow.
        stripe.fault, stripe.hook, self.scene.skew = (lambda call: None), (lambda stage, call: None), 0.0
        self._restate()
        self.quiet_from = self.scene.today
        for _ in range(3):
            self.scene.post(Limits(workers=4, per_second=1e6))
            stripe.advance(25 * 3600)
        self._prove()
        self.scene.owner.execute(
            "update control.tenants set feature_flags = '{}' where tenant_id = any(%s)", [list(self.tenants)]
        )
        return self.story

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

    def _post_badly(self) -> None:
        rng = self.random
        self.scene.skew = rng.choice([0, 0, 0, 200, -200, DAY * 0.5, -DAY * 0.5])
        badness = rng.choice([0, 0, 0.05, 0.3, 1.0])
        self.scene.stripe.fault = self._fault(badness)
        self.story.runs += 1
        workers = rng.choice([1, 4])
        if rng.random() < 0.6:
            self._post_until_killed(workers)
            return
        try:
            self.scene.post(Limits(workers=workers, per_second=1e6, attempts=2, patience=6))
        except BillingError as error:
            self.story.log.append(str(error))

    def _fault(self, badness: float) -> Any:
        def fault(call: Call) -> Fault | None:
            if badness and self.random.random() < badness and call.path.startswith("/v1/billing/meter"):
                self.story.faults += 1
                return self.random.choice(FAULTS)
            return None

        return fault

    def _post_until_killed(self, workers: int) -> None:
        """Kill the run at its nth call to Stripe, before or after that call was processed, or at its nth commit."""
        rng = self.random
        stage, number = rng.choice(STAGES), rng.randint(1, 12)
        if self.processes:
            self._kill_a_process(stage if stage != "recorded" else "processed", number, workers)
            return
        seen = 0

        def hook(at: str, call: Call) -> None:
            nonlocal seen
            if call.method == "POST" and at == stage:
                seen += 1

        self.scene.stripe.hook = hook
        with self.scene.poster(Limits(workers=workers, per_second=1e6, attempts=2, patience=6)) as poster:
            sender, api_send = poster._sender, poster._sender._api.send_meter_event

            def send(*args: Any) -> None:
                if stage == "received" and seen >= number - 1:
                    raise Killed
                api_send(*args)
                if stage == "processed" and seen >= number:
                    raise Killed

            real_record, records = poster._record, 0

            def record(resolutions: Any) -> int:
                nonlocal records
                records += 1
                if stage == "recorded" and records >= number % 3 + 1:
                    raise Killed
                return real_record(resolutions)

            sender._api.send_meter_event = send  # type: ignore[method-assign]
            poster._record = record  # type: ignore[method-assign]
            try:
                poster.run()
            except Killed:
                self.story.kills += 1
            except BillingError as error:
                self.story.log.append(str(error))
        self.scene.stripe.hook = lambda stage, call: None

    def _kill_a_process(self, stage: str, number: int, workers: int) -> None:
        stripe = self.scene.stripe
        process = FORKSERVER.Process(
            target=post_as_a_process, args=(self.scene.url, stripe.url, stripe.now, self.scene.skew, workers)
        )
        seen = 0

        def hook(at: str, call: Call) -> None:
            nonlocal seen
            if call.path == "/v1/billing/meter_events" and at == stage:
                seen += 1
                if seen == number and process.pid:
                    os.kill(process.pid, signal.SIGKILL)

        stripe.hook = hook
        process.start()
        process.join()
        stripe.hook = lambda stage, call: None
        self.story.kills += process.exitcode == -signal.SIGKILL

    def _prove(self) -> None:
        """Marts = postings = Stripe, and no identifier ever said two things."""
        scene, stripe = self.scene, self.scene.stripe
        stripe.metering.settle()
        assert not stripe.violations, stripe.violations
        by_name = {meter["event_name"]: meter["id"] for meter in stripe.metering.meters.values()}
        accepted: dict[tuple[str, str, date], int] = {}
        uncovered: set[tuple[str, str, date]] = set()
        rows = scene.owner.execute(
            "select tenant_id, meter_id, usage_date, value, state from ledger.postings where tenant_id = any(%s)"
            " order by version", [list(self.tenants)],
        ).fetchall()  # fmt: skip
        for tenant, meter, day, value, state in rows:
            assert state != "pending", (tenant, meter, day)
            if state == "accepted":
                accepted[tenant, meter, day] = value
                uncovered.discard((tenant, meter, day))
            elif state == "uncovered":
                uncovered.add((tenant, meter, day))
        for key, value in self.wanted.items():
            tenant, meter, day = key
            held = stripe.metering.value(
                by_name[f"minutebook_{meter}"], self.tenants[tenant][0], (day - date(1970, 1, 1)).days
            )
            if key in uncovered or self._came_too_late(key):
                assert accepted.get(key, 0) == (held or 0), f"neither posted nor covered: {key} {held}"
                continue
            assert accepted.get(key, 0) == value, f"postings: {key} {accepted.get(key, 0)} != {value}"
            assert (held or 0) == value, f"Stripe: {key} {held} != {value}"
        for tenant, (customer, _) in self.tenants.items():
            for event in stripe.metering.received:
                if event.customer == customer:
                    self.story.sent += 1
                    day = date(1970, 1, 1) + timedelta(days=event.timestamp // DAY)
                    meter = event.event_name.removeprefix("minutebook_")
                    assert (tenant, meter, day) in self.wanted, f"nobody asked for {tenant} {meter} {day}"

    def _came_too_late(self, key: tuple[str, str, date]) -> bool:
        """Older than a meter takes before the disturbance ended: approval bills what its day value lacks."""
        return (self.quiet_from - key[2]).days >= 35


@contextmanager
def world(url: str, now: float) -> Iterator[Scene]:
    with StripeSandbox(now) as stripe, psycopg.connect(url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        scene = Scene(url, stripe, owner)
        for meter in METERS:
            scene.meter(meter)
        yield scene


def run_seed(url: str, seed: int, *, processes: bool) -> Story:
    """One seed on a Stripe of its own. Raises AssertionError where something was lost, doubled or invented."""
    with world(url, 1_793_500_000.0 + seed % 300 * DAY) as scene:
        return Simulation(scene, seed, processes=processes).run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, help="replay this one")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    seeds = [arguments.seed] if arguments.seed else range(arguments.first, arguments.first + arguments.seeds)
    started, failed, total = time.monotonic(), [], Story(0)
    loose = {"fsync": "off", "synchronous_commit": "off"}
    with tempfile.TemporaryDirectory() as home, running(Path(home), settings=loose) as url:
        migrate(url)
        for count, seed in enumerate(seeds, 1):
            try:
                # Every tenth seed posts in processes that are really killed.
                story = run_seed(url, seed, processes=seed % 10 == 0)
            except AssertionError as error:
                failed.append(seed)
                sys.stdout.write(f"seed {seed}: {error}\n  replay: python -m tests.billing.simulate --seed {seed}\n")
                continue
            total.runs += story.runs
            total.kills += story.kills
            total.faults += story.faults
            total.sent += story.sent
            if count % 50 == 0:
                sys.stdout.write(f"{count} seeds in {time.monotonic() - started:.0f} s\n")
                sys.stdout.flush()
    sys.stdout.write(
        f"{len(seeds)} seeds, {len(failed)} failed: {total.runs} disturbed runs, {total.kills} kills, {total.faults}"
        f" faults, {total.sent} events received by Stripe; marts = postings = Stripe in the others\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""A writer or a sender of `tests.outgoing.simulate` in a process of its own, which kills itself where it is told to.

The database and the master key stand in its environment.
"""

import os
import signal
from collections.abc import Callable
from functools import partial
from random import Random
from threading import Lock
from typing import Any

import psycopg

from orchestration.outgoing import delivering
from orchestration.outgoing.delivering import Sending, deliver
from orchestration.outgoing.reaching import post
from tests.outgoing.conftest import LOOPBACK
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import deliveries, outbox
from warehouse.security.master_keys import parse_master_keys
from warehouse.security.vault import Vault

SUBJECTS = 400


def write(first: int, end: int, seed: int, kill_after: int) -> None:
    """Tell the facts of that range that are not told yet, a few in each transaction, every seventh rolled back before
    it is done again; dead in the midst of the transaction of that number.
    """
    random, transactions = Random(f"{seed}/{first}"), 0
    with connect(os.environ["SIMULATED_URL"], Role.OPERATOR, actor="otto") as connection:
        (known,) = connection.execute("select coalesce(max(number), -1) + 1 from public.facts").fetchone() or (0,)
        number = max(first, known)
        while number < end:
            size = min(random.choice((1, 5, 20, 60)), end - number)
            transactions += 1
            for one in range(number, number + size):
                tell(connection, one, seed)
                if transactions == kill_after and one == number + size // 2:
                    die()
            if transactions % 7 == 0:
                connection.rollback()
            else:
                connection.commit()
                number += size


def tell(connection: psycopg.Connection[Any], number: int, seed: int) -> None:
    """A fact and its event."""
    subject = f"alert/{Random(f'{seed}/{number}').randrange(SUBJECTS)}"
    tenant_id = ("acme", "birch")[number % 2]
    connection.execute("insert into public.facts values (%s, %s, %s, %s)", [number, subject, tenant_id, number])
    outbox.tell(connection, "alert.opened", tenant_id, subject, {"alert_id": subject, "rule": str(number)})


def send(step: str, after: int) -> None:
    """Send what is due; dead at that step, when it has come so many times."""
    around: dict[str, tuple[Any, str]] = {
        "claim": (deliveries, "claim"), "claimed": (deliveries, "claim"), "settle": (deliveries, "settle"),
        "settled": (deliveries, "settle"), "send": (delivering, "post"), "sent": (delivering, "post"),
    }  # fmt: skip
    delivering.post = partial(post, seconds=1)  # type: ignore[assignment]  # who hangs is not waited for as long
    if step in around:
        module, name = around[step]
        setattr(module, name, deadly(getattr(module, name), after, is_before=not step.endswith(("ed", "sent"))))
    vault = Vault(parse_master_keys(os.environ["SIMULATED_KEY"]))
    deliver(os.environ["SIMULATED_URL"], Sending(vault, allowed=LOOPBACK), clock.now, seconds=240)


def deadly(function: Callable[..., Any], after: int, *, is_before: bool) -> Callable[..., Any]:
    """The function, whose call of that number is the last, before it does anything or when it has done it."""
    lock, calls = Lock(), 0

    def called(*args: Any, **more: Any) -> Any:
        nonlocal calls
        with lock:
            calls += 1
            is_last = calls == after
        if is_last and is_before:
            die()
        answer = function(*args, **more)
        if is_last:
            die()
        return answer

    return called


def die() -> None:
    """As a machine that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)

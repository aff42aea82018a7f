"""One pass over what is due: safe to repeat, several at once, and killed anywhere."""

import importlib.util
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from orchestration.automations.process import URL
from orchestration.outgoing import contract
from orchestration.settings import Settings, SettingsError
from warehouse import clock
from warehouse.automations import runs
from warehouse.automations.runs import Due, Outcome
from warehouse.database import lifetime
from warehouse.database.connect import Addresses, Role, connect, hide_password
from warehouse.database.queries import Connection
from warehouse.outgoing import deliveries

log = logging.getLogger(__name__)
SECONDS = 600.0
"""After which the process of one tenant is ended; below the lease, so that none has a run while another takes it."""
AT_ONCE = 4
"""Tenants."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", clock.OFFSET)
_OWN = "AUTOMATIONS_"


@dataclass
class Result:
    """What a pass did, by tenant: how many runs ended how, and what its process could not do."""

    states: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def count(self, tenant_id: str, state: str) -> None:
        """One more run of the tenant's."""
        of_tenant = self.states.setdefault(tenant_id, {})
        of_tenant[state] = of_tenant.get(state, 0) + 1


def run_due(url: str, settings: Settings, now: Callable[[], datetime] = clock.now, seconds: float = SECONDS) -> Result:
    """Take on each run that is due, those of a tenant in a process of their own. Raises SettingsError."""
    module, login = _configured(url, settings)
    with connect(url, Role.OPERATOR, actor="automations") as connection:
        next_at = runs.next_due(connection)
        due = runs.claim(connection, now()) if next_at is not None and next_at <= now() else []
        calls = {one.thread_id: _call(connection, one, settings.public_url, now()) for one in due}
    result, lock = Result(), threading.Lock()
    of_tenants = [(tenant, list(theirs)) for tenant, theirs in groupby(due, lambda one: one.tenant_id)]
    with ThreadPoolExecutor(AT_ONCE, "automations") as pool:
        for each in [
            pool.submit(_tenant, url, login, module, tenant, theirs, calls, now, seconds, result, lock)
            for tenant, theirs in of_tenants
        ]:
            each.result()
    return result


def _configured(url: str, settings: Settings) -> tuple[str, str]:
    if settings.automations is None:
        raise SettingsError("MINUTEBOOK_AUTOMATIONS is not set: name the module that holds the workflows")
    if not all(part.isidentifier() for part in settings.automations.split(".")):
        raise SettingsError("MINUTEBOOK_AUTOMATIONS is no name of a Python module; write one such as our_automations")
    if importlib.util.find_spec("langgraph") is None:
        raise SettingsError("LangGraph is not installed here: it is in the image and in what `make install` makes")
    login = url.logins.get(Role.AUTOMATIONS) if isinstance(url, Addresses) else None
    if login is None:
        raise SettingsError(
            "MINUTEBOOK_AUTOMATIONS_DATABASE_URL is not set: workflows run under a login that can do nothing else;"
            " make it by `minutebook access grant --role automations`"
        )
    return settings.automations, login


def _call(connection: Connection, due: Due, public_url: str | None, now: datetime) -> Any:
    """The data of call.completed, with its content: what a receiver of the event would begin with."""
    content = deliveries.call_facts(connection, due.tenant_id, due.call)
    sent = contract.body("call.completed", due.tenant_id, now, due.call, public_url=public_url, content=content)
    return json.loads(sent)["data"]


def _tenant(
    url: str, login: str, module: str, tenant_id: str, due: Sequence[Due], calls: Mapping[str, Any],
    now: Callable[[], datetime], seconds: float, result: Result, lock: threading.Lock,
) -> None:  # fmt: skip
    """All that is due of one tenant. What its process did not say it did not do, but for the run in its hands."""
    waiting = {one.thread_id: one for one in due}
    under_way: str | None = None
    asked = {
        "module": module,
        "tenant_id": tenant_id,
        "runs": [
            {
                "thread_id": one.thread_id,
                "automation": one.automation,
                "call": calls[one.thread_id],
                "question_id": one.question_id,
                "answer": one.answer,
            }
            for one in due
        ],
    }
    with connect(url, Role.OPERATOR, actor="automations", autocommit=True) as connection:
        with _process(login, asked, seconds) as process:
            for said in _lines(process):
                thread_id = said["thread_id"]
                if said["state"] == "begun":
                    under_way = thread_id
                    continue
                outcome = _outcome(said)
                runs.settle(connection, waiting.pop(thread_id), outcome, now())
                under_way = None
                with lock:
                    result.count(tenant_id, outcome.state)
        if under_way in waiting:
            fault = "its process was ended" if process.returncode < 0 else "its process failed"
            runs.settle(connection, waiting.pop(under_way), Outcome("failed", fault=fault), now())
            with lock:
                result.count(tenant_id, "failed")
        elif waiting and process.returncode:
            for one in waiting.values():  # it did not come to work: a module that cannot be imported
                runs.settle(connection, one, Outcome("failed", fault="its process could not begin"), now())
                with lock:
                    result.count(tenant_id, "failed")
            waiting = {}
        for one in waiting.values():
            runs.release(connection, one, now())
    if process.returncode:
        with lock:
            result.faults[tenant_id] = f"its process ended with {process.returncode}"


@contextmanager
def _process(login: str, asked: Mapping[str, Any], seconds: float) -> Iterator[subprocess.Popen[str]]:
    """The process, given its work; it ends with us, and when its time is over."""
    environment = {
        **{name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_OWN)},
        URL: login,
        "LANGGRAPH_STRICT_MSGPACK": "true",
    }
    command = [sys.executable, "-m", "orchestration.automations.process"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with lifetime.group(command, env=environment, text=True, **pipes) as process:
        timer = threading.Timer(seconds, lifetime.end_group, [process.pid])
        reader = threading.Thread(target=_log, args=(process, login), daemon=True)
        timer.start()
        reader.start()
        try:
            with suppress(BrokenPipeError):  # it is gone already; how it ended is read below
                _give(process, asked)
            yield process
            process.wait()
        finally:
            timer.cancel()
    reader.join(5)


def _give(process: subprocess.Popen[str], asked: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with process.stdin as given:
            given.write(json.dumps(asked))


def _log(process: subprocess.Popen[str], login: str) -> None:
    for line in process.stderr or ():
        log.warning("%s", hide_password(login, line.rstrip()))


def _lines(process: subprocess.Popen[str]) -> Iterator[Mapping[str, Any]]:
    for line in process.stdout or ():
        yield json.loads(line)


def _outcome(said: Mapping[str, Any]) -> Outcome:
    until = said.get("until")
    return Outcome(
        said["state"],
        until=datetime.fromisoformat(until) if until else None,
        question=said.get("question"),
        question_id=said.get("question_id"),
        fault=said.get("fault"),
        version=said.get("version"),
    )

"""What a page asks for that takes longer than a page may: the buttons of findings, and how far each task is.

A button carries only a mark of its steps. What is taken is what the page would show now, so nobody can ask for what was
not offered. A task is carried out by a run of Dagster, under the name of who asked.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.remedies.steps import NotFilledIn, Step, filled, in_words, marked, roles_for
from orchestration.remedies.wording import OnPage
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form, own_path
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse import clock
from warehouse.control import tasks, tenants
from warehouse.control.tasks import Task
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection
from warehouse.security.vault import Vault, one_line
from warehouse.words import counted

PAGE_ROWS = 50
SHOWN_AFTER = timedelta(hours=1)
KEPT_ON_THE_LIST = timedelta(days=30)
NOT_BEGUN_AFTER = timedelta(minutes=2)
REFRESH: tuple[Step, ...] = (("build",),)
# What makes the data trusted again is offered wherever it is not, whatever else a page shows.
_OF_ANY_PAGE: tuple[tuple[Step, ...], ...] = (REFRESH, (("canary", "install"),))
_KEY = ("credential", "set")


class Changed(WarehouseError):
    """What the page offered is not what it would offer now."""


@dataclass(frozen=True)
class Shown:
    """The tasks of a page; is_watched: the page shows itself again until they have ended."""

    tasks: Sequence["ShownTask"]
    is_watched: bool


@dataclass(frozen=True)
class ShownTask:
    """A task in words. steps: each with its state, waiting, working, done or failed. progress: of the one at work."""

    task: Task
    steps: Sequence[tuple[str, str]]
    progress: str
    is_left_lying: bool


def shown(connection: Connection, page: str, request: Request) -> Shown:
    """What was asked for on this page, by its path, and is at work, or ended within the hour."""
    found = tasks.of_page(connection, page, clock.now() - SHOWN_AFTER)
    return _shown(connection, found, is_watched="watch" in request.query_params)


def ask(
    connection: Connection, vault: Vault, visitor: Visitor, page: str, form: Form, offered: Iterable[OnPage]
) -> None:
    """Take the steps that the form marks, if the page still offers them to this person. A key is stored at once.

    Raises Changed, NotFilledIn, and WarehouseError for a key that cannot be stored.
    """
    steps = _chosen(form.get("offer", ""), [one.steps for one in offered if one.steps])
    if visitor.person.role not in roles_for(steps):
        raise HTTPException(403, f"This is for {' and '.join(sorted(roles_for(steps)))}.")
    left = [step for step in filled(steps, form) if step[:2] != _KEY]
    for step in steps:
        if step[:2] == _KEY:
            _store_key(connection, vault, step, form.get("key", ""))
    if left:
        tasks.ask(connection, page, left, visitor.person.login_id)


@for_roles("finance", "operator")
def show_tasks(request: Request, visitor: Visitor) -> Response:
    """What was asked for on all pages within a month, the newest first."""
    with readers(request).operator() as connection:
        since = clock.now() - KEPT_ON_THE_LIST
        paging = Paging(request, tasks.count(connection, since), PAGE_ROWS)
        found = tasks.of_page(connection, None, since, limit=PAGE_ROWS, offset=paging.start)
        seen = _shown(connection, found, is_watched="watch" in request.query_params)
    return render("tasks.html", title="Tasks", visitor=visitor, under_way=seen, paging=paging)


@form_for_roles("finance", "operator")
def take_refresh(request: Request, visitor: Visitor, form: Form) -> Response:
    """Refresh the data, from whichever page asks for it."""
    page = own_path(form.get("page", "/tasks"))
    fault = taken(request, visitor, form, urlsplit(page).path, [OnPage("", steps=steps) for steps in _OF_ANY_PAGE])
    return RedirectResponse(page, 303) if fault else watching(page)


def taken(request: Request, visitor: Visitor, form: Form, page: str, offered: Iterable[OnPage]) -> str:
    """Ask for what the form marks; why it was not taken, in a sentence, or nothing."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            ask(connection, request.app.state.vault(), visitor, page, form, offered)
    except (NotFilledIn, WarehouseError) as error:
        return str(error)
    return ""


def watching(page: str) -> Response:
    """To the page, which shows itself again while its tasks are at work."""
    return RedirectResponse(f"{page}{'&' if '?' in page else '?'}watch=1", 303)


def _chosen(mark: str, offered: Iterable[Sequence[Step]]) -> Sequence[Step]:
    for steps in offered:
        if hmac.compare_digest(mark.encode(), marked(steps).encode()):
            return steps
    raise Changed("What you were shown has changed since: look again. Nothing was done.")


def _store_key(connection: Connection, vault: Vault, step: Step, key: str) -> None:
    """A new key is used as the former one was."""
    provider, tenant = step[2], step[4] if len(step) > 4 else None
    former = [row for row in tenants.credentials(connection, tenant) if row["provider"] == provider]
    settings: Mapping[str, object] = next((row["settings"] for row in former if row["tenant_id"] == tenant), {})
    vault.set_credential(connection, tenant, provider, one_line(key), settings)


def _shown(connection: Connection, found: Sequence[Task], *, is_watched: bool) -> Shown:
    now = clock.now()
    seen = [
        ShownTask(
            task,
            [(in_words(step), _state(task, place)) for place, step in enumerate(task.steps)],
            _progress(connection, task) if task.state == "working" else "",
            task.state == "waiting" and now - task.asked_at > NOT_BEGUN_AFTER,
        )
        for task in found
    ]
    return Shown(seen, is_watched and any(task.ended_at is None for task in found))


def _state(task: Task, place: int) -> str:
    if place == task.step and task.state in {"working", "failed"}:
        return task.state
    return "done" if place < task.step or task.state == "done" else "waiting"


def _progress(connection: Connection, task: Task) -> str:
    """How many of its days a pull has read; of anything else only that it is at work."""
    step = task.steps[task.step]
    if step[0] != "pull" or task.started_at is None:
        return ""
    options = dict(zip(step[1::2], step[2::2], strict=False))
    first, last = date.fromisoformat(options["--from"]), date.fromisoformat(options["--to"])
    read = tasks.days_pulled(connection, options.get("--tenant"), options["--source"], (first, last), task.started_at)
    return f"{read} of {counted((last - first).days + 1, 'day')} read"

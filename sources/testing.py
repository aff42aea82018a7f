"""The test kit of a source: what every registered one passes, over HTTP that the kit serves.

Give it a `Kit`: the source, and the answers of its provider. `FAULTS` are the checks; pytest runs each with
`@pytest.mark.parametrize("fault", sources.testing.FAULTS)` and `FAULTS[fault](kit)`. An AssertionError says what is not
as it must be.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sources.day import Access, Attachment, Day, Scope, Scopes
from sources.errors import ContractBroken, CredentialRejected, ProviderDown, RateLimited, SourceFailure
from sources.http.budget import Budget
from sources.personal import Choices, Keep
from sources.reading import Reading
from sources.source import Source

SECRET = "kit-secret-b7f3e1"  # noqa: S105 - a false one, looked for where none may be
CANARY = "canary7f3e1c9b2d4a6f80aa55"
DAY = date(2026, 3, 2)
TENANT, OTHER = "kit-tenant", "kit-other"
NEVER = Choices(Keep.NEVER, Keep.NEVER, Keep.NEVER)
KEPT = Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Request:
    """What was asked: `query` as it stands in the address, `body` of a POST."""

    path: str
    query: str
    body: bytes = b""


@dataclass(frozen=True)
class Kit:
    """A source and how its provider answers.

    `answer(request, rows)` gives status and body for the rows of the day that it is asked for. `day` is three rows of
    DAY, as `answer` takes them; `changed` the same day with another amount; `wrong` a row that breaks the contract;
    `personal` is a text that a row of `day` holds and that a tenant may not want kept, None where nothing is personal.
    `scope` is attached to TENANT.
    """

    source: Source
    answer: Callable[[Request, list[object]], Answer]
    day: list[object]
    changed: list[object]
    wrong: object
    personal: str | None = None
    scope: Scope | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


class _AtOnce(Budget):
    """Waits for nothing."""

    def __init__(self) -> None:
        super().__init__(4, sleep=lambda seconds: None)


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """The address of a server on 127.0.0.1 that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("content-length") or 0)
            status, body = answer(Request(path, query, self.rfile.read(length)))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(kit: Kit, answer: Callable[[Request], Answer], choices: Choices = KEPT, tenant_id: str = TENANT) -> Reading:
    """The day as the source reads it from a provider that answers so. Raises what the source raises."""
    attached = Scopes((Attachment(kit.scope, TENANT, DAY - timedelta(days=9)),)) if kit.scope else Scopes()
    day = Day(DAY, tenant_id, attached, choices, lambda scopes: choices)
    with serving(answer) as address:
        access = _Access(SECRET if kit.source.needs_credential else None, dict(kit.settings), address)
        with closing(kit.source.connect(access)) as client:
            return kit.source.read(client, day)


class _Access(Access):
    def budget(self, at_once: int, per_second: float | None = None, own_address: str | None = None) -> Budget:
        return _AtOnce()


def _good(kit: Kit, rows: list[object], choices: Choices = KEPT) -> Reading:
    return read(kit, lambda request: kit.answer(request, rows), choices)


def _fails(kit: Kit, answer: Callable[[Request], Answer]) -> SourceFailure:
    try:
        reading = read(kit, answer)
    except SourceFailure as failure:
        assert SECRET not in str(failure), "the failure names the secret"
        return failure
    raise AssertionError(f"a day was read where the provider failed: {reading.table.num_rows} rows")


def transport(kit: Kit) -> None:
    """401 is the credential's fault, 5xx passes, and what is no JSON is a failure: none of them is an empty day."""
    for status, kind in ((401, CredentialRejected), (503, ProviderDown), (429, RateLimited)):
        failure = _fails(kit, lambda request, status=status: (status, b'{"message": "no"}'))  # type: ignore[misc]
        assert isinstance(failure, kind), f"{status} is {type(failure).__name__}"
    _fails(kit, lambda request: (200, b"<html>down for maintenance</html>"))
    _fails(kit, lambda request: (200, b'{"some": "other answer"}'))


def paging(kit: Kit) -> None:
    """Every row arrives once, however many pages they take."""
    reading = _good(kit, kit.day)
    assert reading.table.num_rows == len(kit.day), f"{reading.table.num_rows} of {len(kit.day)} rows"


def emptiness(kit: Kit) -> None:
    """A day that is said to be empty is read, and has no rows."""
    assert _good(kit, []).table.num_rows == 0


def restatement(kit: Kit) -> None:
    """Rows in another order say the same; another amount does not."""
    first = _good(kit, kit.day)
    again = _good(kit, list(reversed(kit.day)))
    assert first.content_hash == again.content_hash, "another order is another content"
    assert _good(kit, kit.changed).content_hash != first.content_hash, "another amount is no other content"


def secrets(kit: Kit) -> None:
    """The key is in nothing that is stored or shown."""
    reading = _good(kit, kit.day)
    assert SECRET not in str(reading.table.to_pylist())
    assert SECRET not in repr(Access(SECRET))


def quotes(kit: Kit) -> None:
    """What is wrong with an answer is said without its values, whichever of them is wrong: it may be a secret."""
    for odd in _each_value_replaced(kit.day[0], CANARY):
        try:
            reading = _good(kit, [*kit.day, odd])
        except SourceFailure as failure:
            said = str(failure)
        else:
            said = " ".join(one.reason for one in reading.quarantined)
        assert CANARY[:8] not in said, f"a reason quotes a value: {said}"


def _each_value_replaced(part: object, other: object) -> Iterator[object]:
    """The part, as often as it has values, each time with another value at one place."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from ({**part, name: changed} for changed in _each_value_replaced(value, other))
    elif isinstance(part, list) and part:
        for at, value in enumerate(part):
            yield from ([*part[:at], changed, *part[at + 1 :]] for changed in _each_value_replaced(value, other))
    else:
        yield other


def personal_data(kit: Kit) -> None:
    """What is personal is stored as the tenant chose, and the choice restates no day."""
    kept, never = _good(kit, kit.day, KEPT), _good(kit, kit.day, NEVER)
    assert kept.content_hash == never.content_hash, "a choice restates the day"
    if kit.personal is not None:
        assert kit.personal in str(kept.table.to_pylist()), "what the kit says is personal is in no row"
        assert kit.personal not in str(never.table.to_pylist()), "stored although nobody wants it"


def horizon(kit: Kit) -> None:
    """Rows are told apart by keys, so that one that the provider forgot is noticed."""
    assert _good(kit, kit.day).keys > _good(kit, kit.day[:-1]).keys, "a row that is gone leaves no key behind"


def wrong_types(kit: Kit) -> None:
    """A row that breaks the contract is set aside by itself, and its day is not whole."""
    reading = _good(kit, [*kit.day, kit.wrong])
    assert reading.table.num_rows == len(kit.day), "the good rows are not all there"
    assert len(reading.quarantined) == 1, "the wrong row is not set aside"
    assert not reading.is_whole
    try:
        _good(kit, [kit.wrong] * 9)
    except ContractBroken:
        return
    raise AssertionError("a day of nothing but wrong rows was read")


def isolation(kit: Kit) -> None:
    """What is read has the columns of the raw table, and none that says whose it is: that is not for it to say."""
    columns = _good(kit, kit.day).table.column_names
    assert sorted(columns) == sorted([*(column.name for column in kit.source.columns), "payload"])


_CHECKS = (transport, paging, emptiness, restatement, secrets, quotes, personal_data, horizon, wrong_types, isolation)
FAULTS: Mapping[str, Callable[[Kit], None]] = {check.__name__: check for check in _CHECKS}

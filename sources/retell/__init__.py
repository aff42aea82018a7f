"""Retell: the calls of one workspace, by the UTC day they began on.

POST /v3/list-calls ──▶ calls (rows, results) ──▶ Reading ◀── GET /v2/get-call (transcripts, where they are kept)
"""

from sources.day import Access, Day, Scope
from sources.reading import Reading
from sources.retell import calls
from sources.retell.client import RetellClient
from sources.retell.contract import CALL, FACTS
from sources.rows import reading
from sources.source import ScopeKind, Source

__all__ = ["SOURCES", "connect", "read", "verify"]


def connect(access: Access) -> RetellClient:
    """A client of one key."""
    return RetellClient(access)


def read(client: RetellClient, day: Day) -> Reading:
    """All calls that began on the UTC day. Raises SourceFailure."""
    rows = [calls.row(client, reported, day) for reported in calls.listed(client, day.window)]
    return reading(CALLS, rows, day)


def verify(client: RetellClient, scopes: tuple[Scope, ...]) -> None:
    """One cheap question that needs the key. CredentialRejected if it is not accepted, else another SourceFailure."""
    client.post("/v3/list-calls", calls.parse_page, {"limit": 1})


CALLS = Source(
    name="retell",
    provider="retell",
    table="calls",
    contract="calls",
    description="Calls of one workspace, by the day they began on.",
    connect=connect,
    read=read,
    verify=verify,
    # The first that is attached on a call's day decides whose it is.
    scope_kinds=(ScopeKind("retell_number"), ScopeKind("retell_agent")),
    stored=CALL,
    facts=FACTS,
    # Agents may be set to keep their calls for less; an older day that lost rows is not believed at once.
    horizon_days=30,
    recording=calls.recording_of,
)
SOURCES = (CALLS,)

"""Voiceflow's transcripts: who spoke when with which project, and what was said, as far as the tenant keeps that.

https://docs.voiceflow.com/api-reference/transcript/search-transcripts and …/get-transcript, in both generations of the
API. The search tells no total and pages by offset, so each page begins with the last row of the one before: a row that
vanished in between would otherwise let another be skipped unseen. What was said is asked for transcript by transcript,
and only where some of it is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import pyarrow as pa

from sources.checks.bounds import LONGEST_TEXT, fault_of_text, fault_of_time
from sources.checks.quarantine import TOO_DEEP, Quarantined, digest, each_named_once, refuse_another_contract
from sources.errors import AnswerMoved, ProviderRefused, PullTruncated
from sources.http import ProviderClient
from sources.personal import Choices, Document, Keep, minimised
from sources.reading import Reading, hash_rows
from sources.voiceflow.contract import TRANSCRIPT
from sources.voiceflow.rows import Project
from sources.window import Window, instant, truncated

TAKE = 100
MOST_PAGES = 2000
# What no choice and no retention period touches.
FACTS = (
    "id", "projectID", "environmentID", "environmentAlias", "version", "createdAt", "updatedAt", "expiresAt", "endedAt",
)  # fmt: skip
# Of whom it is and where it is recorded; whatever else there is, is what was said.
_ABOUT = ("sessionID", "userID", "recordingURL")


@dataclass(frozen=True)
class TranscriptApi:
    """How a generation is asked: `search` gives path and body of a page (project, span, first row), `detail` path and
    parameters of one transcript (project, transcript).
    """

    search: Callable[[str, dict[str, str], int], tuple[str, dict[str, object]]]
    detail: Callable[[str, str], tuple[str, dict[str, str]]]


V2 = TranscriptApi(
    lambda project, span, skip: (
        f"/v1/transcript/project/{quote(project, safe='')}?take={TAKE}&skip={skip}&order=ASC",
        {**span},
    ),
    lambda project, transcript: (f"/v1/transcript/{quote(transcript, safe='')}", {"filterConversation": "true"}),
)
# It takes no order: whichever it keeps, the overlap of pages holds it to.
STABLE = TranscriptApi(
    lambda project, span, skip: (
        f"/v1/stable/transcript/search?projectID={quote(project, safe='')}",
        {**span, "take": TAKE, "skip": skip},
    ),
    lambda project, transcript: (f"/v1/stable/transcript/{quote(transcript, safe='')}", {"projectID": project}),
)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Found(msgspec.Struct):
    transcripts: list[msgspec.Raw]


class _One(msgspec.Struct):
    transcript: msgspec.Raw


class _Log(msgspec.Struct):
    type: str = ""


class _Transcript(msgspec.Struct, rename="camel"):
    id: str
    created_at: Instant
    project_id: str = msgspec.field(name="projectID")
    environment_id: str | None = msgspec.field(name="environmentID", default=None)
    environment_alias: str | None = None
    updated_at: Instant | None = None
    ended_at: Instant | None = None
    expires_at: Instant | None = None
    logs: list[_Log] | None = None

    def content(self) -> bytes:
        """What a transcript is beside what was said in it: the same bytes, the same conversation."""
        environment = self.environment_id or self.environment_alias
        reported = (self.project_id, self.id, environment, self.created_at, self.updated_at, self.ended_at)
        return msgspec.json.encode(reported)


@dataclass(frozen=True)
class _Row:
    reported: _Transcript
    payload: bytes

    @property
    def item(self) -> str:
        return self.reported.id

    @property
    def at(self) -> datetime | None:
        return self.reported.created_at


_parse_found = msgspec.json.Decoder(_Found).decode
_parse_one = msgspec.json.Decoder(_One).decode
_TRANSCRIPT = msgspec.json.Decoder(_Transcript)
_FIELDS = msgspec.json.Decoder(Document)
_ENCODE = msgspec.json.encode
_ANY = msgspec.json.decode


def kept_of(document: Document, choices: Choices) -> Document:
    """The transcript as it may be stored under these choices; safe to repeat, and facts stay byte for byte."""
    facts = {name: value for name, value in document.items() if name in FACTS}
    about = {name: value for name, value in document.items() if name in _ABOUT}
    said = {name: value for name, value in document.items() if name not in facts and name not in about}
    left = minimised(about | ({"transcript": msgspec.Raw(_ENCODE(said))} if said else {}), choices)
    left_of_said = left.pop("transcript", None)
    return facts | left | ({} if left_of_said is None else _FIELDS.decode(left_of_said))


def verify_transcripts(client: ProviderClient, api: TranscriptApi, project: Project) -> None:
    """One hour before Voiceflow kept any: needs the key, costs nothing. Raises SourceFailure."""
    hour = {"startDate": "2025-01-01T00:00:00.000Z", "endDate": "2025-01-01T01:00:00.000Z"}
    path, body = api.search(project.project_id, hour, 0)
    client.post(path, _parse_found, body)


def read_transcripts(
    client: ProviderClient, api: TranscriptApi, projects: Sequence[Project], window: Window, choices: Choices
) -> Reading:
    """Transcripts of the projects created in the window, of every environment; columns of raw_voiceflow.transcripts.

    PullTruncated if the search will not tell all of them, AnswerMoved if they change while they are read,
    ContractBroken if most of them are not as documented; a single one is set aside.
    """
    reader = _Reader(client, api, window, choices)
    rows = [row for project in projects for row in reader.project(project)]
    odd = each_named_once(reader.odd)
    refuse_another_contract("Voiceflow transcripts", odd, len(rows))
    totals = {"transcripts": Decimal(len(rows))}
    if reader.outside:
        totals["rows_outside_window"] = Decimal(reader.outside)
    return Reading(
        table=_table(rows),
        keys=frozenset(row.reported.id for row in rows) | {row.item for row in odd},
        content_hash=hash_rows([*(row.reported.content() for row in rows), *(row.fingerprint.encode() for row in odd)]),
        is_incomplete=False,
        windows=(window,),
        requests=reader.requests,
        totals=totals,
        new_fields=frozenset(reader.new_fields),
        quarantined=odd,
    )


@dataclass
class _Reader:
    client: ProviderClient
    api: TranscriptApi
    window: Window
    choices: Choices
    requests: int = 0
    outside: int = 0
    new_fields: set[str] = field(default_factory=set)
    odd: list[Quarantined] = field(default_factory=list)

    def project(self, project: Project) -> list[_Row]:
        """The project's transcripts of the window; those that are not as documented are set aside in `odd`."""
        rows = []
        for found in self._found(project):
            # Both ends of the search are counted in.
            if found.at is not None and found.at not in self.window:
                self.outside += 1
                continue
            row = self._whole(project, found) if isinstance(found, _Row) else found
            if isinstance(row, _Row):
                rows.append(row)
            else:
                self.odd.append(row)
        return [_Row(row.reported, self._kept(row.payload)) for row in rows]

    def _found(self, project: Project) -> list[_Row | Quarantined]:
        found: dict[str, _Row | Quarantined] = {}
        last = None
        for _ in range(MOST_PAGES):
            page = self._page(project, max(0, len(found) - 1))
            if last is not None:
                if not page:
                    raise PullTruncated(f"Voiceflow transcripts: nothing is told past the first {len(found)}")
                if page[0].item != last:
                    raise AnswerMoved(f"Voiceflow transcripts: {last} is {page[0].item} when asked again")
                page = page[1:]
            if not page:
                return list(found.values())
            expected = len(found) + len(page)
            found |= {row.item: row for row in page}
            if len(found) < expected:
                raise AnswerMoved("Voiceflow transcripts: one was told twice while their pages were read")
            last = page[-1].item
        raise PullTruncated(f"Voiceflow transcripts: the list has no end after {MOST_PAGES} pages")

    def _page(self, project: Project, skip: int) -> list[_Row | Quarantined]:
        self.requests += 1
        span = {"startDate": instant(self.window.start), "endDate": instant(self.window.end)}
        path, body = self.api.search(project.project_id, span, skip)
        return [self._row(project, bytes(raw)) for raw in self.client.post(path, _parse_found, body).transcripts]

    def _whole(self, project: Project, row: _Row) -> _Row | Quarantined:
        """With what was said, where the tenant keeps some of it; as it was found, where not."""
        if self.choices.transcripts is Keep.NEVER:
            return row
        self.requests += 1
        path, params = self.api.detail(project.project_id, row.reported.id)
        try:
            raw = bytes(self.client.get(path, _parse_one, params).transcript)
        except ProviderRefused as error:
            raise AnswerMoved(f"Voiceflow transcripts: {row.reported.id} was found and is not told: {error}") from None
        # Of which environment it is, the newer generation tells where it is found, and not always here.
        whole = self._row(project, _ENCODE(_FIELDS.decode(row.payload) | _FIELDS.decode(raw)))
        if (whole.item, whole.at) != (row.item, row.at):
            return _set_aside(row.payload, f"when asked for by itself, {whole.item} is answered")
        return whole

    def _row(self, project: Project, raw: bytes) -> _Row | Quarantined:
        try:
            reported = _TRANSCRIPT.decode(truncated(raw))
        except (RecursionError, msgspec.ValidationError) as error:
            return _set_aside(raw, TOO_DEEP if isinstance(error, RecursionError) else str(error))
        fault = _fault(reported, project)
        return _set_aside(raw, fault) if fault else _Row(reported, raw)

    def _kept(self, raw: bytes) -> bytes:
        return _ENCODE(TRANSCRIPT.kept(kept_of(_FIELDS.decode(raw), self.choices), self.new_fields))


def _fault(reported: _Transcript, project: Project) -> str | None:
    """What no transcript can have although its types hold: an empty id, or what no index or column takes."""
    return (
        (None if reported.id.strip() else "its id is empty")
        or fault_of_text("id", reported.id)
        or fault_of_text("environmentID", reported.environment_id or reported.environment_alias)
        or fault_of_time("updatedAt", reported.updated_at)
        or fault_of_time("endedAt", reported.ended_at)
        or fault_of_time("expiresAt", reported.expires_at)
        or (None if reported.project_id == project.project_id else f"it is not of project {project.project_id}")
    )


def _set_aside(raw: bytes, reason: str) -> Quarantined:
    """A transcript as far as it can be read; nothing that was said."""
    try:
        document = _FIELDS.decode(raw)
        facts = {name: document[name] for name in FACTS if name in document}
        reported = {name: _ANY(facts[name]) for name in ("id", "createdAt") if name in facts}
    except (msgspec.DecodeError, RecursionError):
        return Quarantined(digest(raw), reason, raw)
    content = _ENCODE([[name, facts.get(name)] for name in FACTS])
    transcript_id, at = reported.get("id"), reported.get("createdAt")
    is_named = isinstance(transcript_id, str | int) and 0 < len(str(transcript_id).strip()) <= LONGEST_TEXT
    return Quarantined(
        item=str(transcript_id) if is_named else digest(content),
        reason=reason,
        content=content,
        payload=_ENCODE(TRANSCRIPT.kept(facts, set())).decode(),
        at=_moment(at),
    )


def _moment(reported: Any) -> datetime | None:
    try:
        return msgspec.convert(reported, Instant)
    except msgspec.ValidationError:
        return None


def _table(rows: Sequence[_Row]) -> pa.Table:
    at = pa.timestamp("us", tz="UTC")
    reported = [row.reported for row in rows]
    counts = [None if one.logs is None else sum(log.type != "end" for log in one.logs) for one in reported]
    return pa.table(
        {
            "transcript_id": pa.array([one.id for one in reported], pa.string()),
            "project_id": pa.array([one.project_id for one in reported], pa.string()),
            "environment_id": pa.array([one.environment_id or one.environment_alias for one in reported], pa.string()),
            "created_at": pa.array([one.created_at for one in reported], at),
            "updated_at": pa.array([one.updated_at for one in reported], at),
            "ended_at": pa.array([one.ended_at for one in reported], at),
            "message_count": pa.array(counts, pa.int64()),
            "payload": pa.array([row.payload for row in rows], pa.string()),
        }
    )

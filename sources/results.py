"""What came of a call, as every voice provider's is stored: who was on the line, what was said, and how it was judged.

It lies in the payload under these names, which the rules of what is personal know; so it goes where the tenant's choice
and its retention say, and whoever maps a provider to the contract writes no rule of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sources.checks.allowed import ANY_NAME, OPEN, PLAIN, Shape, fields
from sources.reading import hash_rows

SPEAKERS = ("agent", "customer", "other")
RESULT: dict[str, Shape] = {
    "customer": PLAIN,
    "destination": PLAIN,
    "analysis": {**fields("summary evaluation"), "outputs": {ANY_NAME: {"name": PLAIN, "result": OPEN}}},
    "transcript": [fields("speaker seconds text")],
    "recording": PLAIN,
    "consent": PLAIN,
}
"""What a source of calls adds to the fields that it stores, where its rows are the contract's."""
MEMBERS = tuple(RESULT)


@dataclass(frozen=True)
class Turn:
    """What one of SPEAKERS said, so many seconds after the call began; None where that is not known."""

    speaker: str
    text: str
    seconds: Any = None


@dataclass(frozen=True)
class Result:
    """customer: the number or name on the other end. destination: where it was transferred to. evaluation: how the
    provider judged it, in its own words; None: it did not. outputs: structured outputs by the provider's id, each a
    {name, result}. has_recording: whether one was made. consent: how the person on the line agreed to be recorded, in
    the provider's words; None: that is not reported.
    """

    customer: str | None = None
    destination: str | None = None
    summary: str | None = None
    evaluation: str | None = None
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    transcript: Sequence[Turn] = ()
    has_recording: bool = False
    consent: str | None = None

    def members(self) -> dict[str, Any]:
        """The members of the payload, those there are."""
        analysis = {"summary": self.summary, "evaluation": self.evaluation, "outputs": dict(self.outputs) or None}
        told = {
            "customer": self.customer,
            "destination": self.destination,
            "analysis": {name: value for name, value in analysis.items() if value is not None} or None,
            "transcript": [
                {"speaker": turn.speaker, "seconds": turn.seconds, "text": turn.text} for turn in self.transcript
            ]
            or None,
            "recording": self.has_recording or None,
            "consent": self.consent,
        }
        return {name: value for name, value in told.items() if value is not None}


def hash_results(rows: Iterable[tuple[str, Sequence[tuple[str, bytes]]]]) -> str | None:
    """SHA-256, in hex, of what calls say: each an id, and its parts by name and as JSON. None where none says any."""
    said = [
        b"\0".join((call_id.encode(), *(name.encode() + b"\1" + bytes(part) for name, part in parts)))
        for call_id, parts in rows
        if parts
    ]
    return hash_rows(said) if said else None

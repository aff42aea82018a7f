"""Alerts as people read them: in Slack, in Teams, and as mail. Everybody else hears the signed event.

Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ and its escaping of & < >.
Teams: an Adaptive Card in a message, as the workflow "Post to a channel when a webhook request is received" takes it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from orchestration.outgoing.contract import Alert
from warehouse.words import moment

ALERTS = ("alert.opened", "alert.resolved")
FORMS = ("event", "slack", "teams", "mail")
_LONGEST_SUBJECT = 120


@dataclass(frozen=True)
class Message:
    """An alert in words. what: one line; fix: what resolves it, empty once it is over."""

    what: str
    fix: str
    link: str
    at: datetime
    is_over: bool

    @classmethod
    def of(cls, event_type: str, alert: Alert, at: datetime) -> "Message":
        """The words of an event of an alert."""
        is_over = event_type == "alert.resolved"
        title = alert.title or f"{alert.rule} {alert.subject}".strip()
        what = f"Over: {title}" if is_over else f"{title[:1].upper()}{title[1:]}"
        return cls(what, "" if is_over else alert.fix, alert.link, at, is_over)

    @property
    def subject(self) -> str:
        """One line of a mail."""
        line = " ".join(self.what.split())
        return line if len(line) <= _LONGEST_SUBJECT else f"{line[: _LONGEST_SUBJECT - 1]}…"

    @property
    def text(self) -> str:
        """A whole mail."""
        parts = [f"{self.what}.", self.fix and f"What resolves it:\n\n    {self.fix}", self._see, f"{self._when}."]
        return "\n\n".join(filter(None, parts)) + "\n"

    def slack(self) -> bytes:
        """The body of an incoming webhook. `text` is what a notification shows."""
        sign = ":white_check_mark:" if self.is_over else ":rotating_light:"
        lines = [f"{sign} *{_escaped(self.what)}*", self.fix and f"```{_escaped(self.fix)}```", _escaped(self._see)]
        blocks: list[dict[str, Any]] = [
            {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(filter(None, lines))[:3000]}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(self._when)}]},
        ]
        return msgspec.json.encode({"text": _escaped(self.what), "blocks": blocks})

    def teams(self) -> bytes:
        """A message with one card. A card's text is markdown, so each is set down as it is by a run of text."""
        parts = [
            _run(self.what, weight="Bolder", color="Good" if self.is_over else "Attention"),
            *([_run(self.fix, fontType="Monospace")] if self.fix else []),
            _run(self._see) if self._see else None,
            _run(self._when, isSubtle=True, size="Small"),
        ]
        card: dict[str, Any] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [part for part in parts if part],
        }
        if self.link.startswith("http"):
            card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the page", "url": self.link}]
        content_type = "application/vnd.microsoft.card.adaptive"
        return msgspec.json.encode({"type": "message", "attachments": [{"contentType": content_type, "content": card}]})

    @property
    def _see(self) -> str:
        """Where it is seen; without the address of the pages nothing that a reader could open."""
        return f"See {self.link}" if self.link.startswith("http") else ""

    @property
    def _when(self) -> str:
        return f"{'Ended' if self.is_over else 'Since'} {moment(self.at)}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _run(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **more}]}

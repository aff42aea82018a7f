"""What the providers know: accounts by key, and what was asked of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Scope

from tests.sandbox.anthropic import Organization as AnthropicOrganization
from tests.sandbox.azure import Directory as AzureDirectory
from tests.sandbox.cartesia import Account as CartesiaAccount
from tests.sandbox.deepgram import Project as DeepgramProject
from tests.sandbox.elevenlabs import Workspace as ElevenLabsWorkspace
from tests.sandbox.openai import Organization as OpenAIOrganization
from tests.sandbox.openrouter import Account as OpenRouterAccount
from tests.sandbox.twilio.account import TwilioAccount

CallsBetween = Callable[[datetime, datetime], list[dict[str, Any]]]


@dataclass(frozen=True)
class Received:
    """One request as it came in. `key` is the authorization header as sent, `query` all of it in order."""

    method: str
    path: str
    params: dict[str, str]
    body: Any
    key: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, scope: Scope, body: bytes) -> "Received":
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = tuple(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        return cls(
            method=scope["method"],
            path=scope["path"],
            params=dict(query),
            body=_content(headers.get("content-type", ""), body),
            key=headers.get("authorization", ""),
            query=query,
        )


def _content(kind: str, body: bytes) -> Any:
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode()))
    return json.loads(body) if body else None


@dataclass
class VapiAccount:
    """One organisation. `calls_between(start, end)` gives its calls created in the half-open window, in any order.

    `counts_end`: its analytics count what happened at the end of a range in; nothing says which Vapi does.
    `per_second`: so many requests are answered in any one second, whoever asks; `refused` counts the others.
    """

    calls_between: CallsBetween
    is_rejected: bool = False
    counts_end: bool = False
    per_second: int | None = None
    refused: int = 0
    numbers: list[dict[str, Any]] = field(default_factory=list)
    assistants: list[dict[str, Any]] = field(default_factory=list)
    campaigns: list[dict[str, Any]] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)

    def answers(self, now: float) -> bool:
        """Whether a request that comes now (seconds) is within the limit."""
        if self.per_second is not None:
            self.answered_at = [at for at in self.answered_at if at > now - 1]
            if len(self.answered_at) >= self.per_second:
                self.refused += 1
                return False
            self.answered_at.append(now)
        return True


@dataclass(frozen=True)
class StableRow:
    """A row of the "stable" analytics and what Voiceflow knows of it besides: its environment's alias, its version."""

    row: dict[str, Any]
    environment: str = "production"
    version: str = "published"


@dataclass
class VoiceflowProject:
    """`environments` maps an alias to the id its rows carry; `rows` are v2's items by metric, `stable` those of the
    newer generation, a row per metric, day, environment, version and model. `transcripts` are whole, with their logs.
    """

    environments: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    intents: list[dict[str, Any]] = field(default_factory=list)
    stable: dict[str, list[StableRow]] = field(default_factory=dict)
    transcripts: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class World:
    """`vapi` by private key; `voiceflow` by authorization header (a bare key, or `Bearer vfp_…`), then project id;
    `twilio` by account SID, `deepgram` by project, `azure` by tenant id; others by their key.
    """

    vapi: dict[str, VapiAccount] = field(default_factory=dict)
    voiceflow: dict[str, dict[str, VoiceflowProject]] = field(default_factory=dict)
    openai: dict[str, OpenAIOrganization] = field(default_factory=dict)
    anthropic: dict[str, AnthropicOrganization] = field(default_factory=dict)
    openrouter: dict[str, OpenRouterAccount] = field(default_factory=dict)
    azure: dict[str, AzureDirectory] = field(default_factory=dict)
    twilio: dict[str, TwilioAccount] = field(default_factory=dict)
    deepgram: dict[str, DeepgramProject] = field(default_factory=dict)
    elevenlabs: dict[str, ElevenLabsWorkspace] = field(default_factory=dict)
    cartesia: dict[str, CartesiaAccount] = field(default_factory=dict)


def in_memory(calls: list[dict[str, Any]]) -> CallsBetween:
    """An account that holds exactly this list, which may change while it is served."""

    def between(start: datetime, end: datetime) -> list[dict[str, Any]]:
        return [call for call in calls if start <= datetime.fromisoformat(call["createdAt"]) < end]

    return between

"""What a source is given to read: how its account is opened, what belongs to it, and which day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from sources.errors import NotConfigured
from sources.http.budget import Budget, Pace
from sources.personal import NOBODYS, Choices, ChoicesOf
from sources.window import Window

PLATFORM = "platform"
"""The account of the platform's own credential, shared by tenants."""


@dataclass(frozen=True)
class Access:
    """How a provider is opened: `secret` is the stored credential (None where none is needed), `settings` what it
    carries, `address` where the provider is, None for its own address. `pace` is shared with other runs of that key.
    `pushed` is what was pushed to us, for a source that reads it (Account.PUSHED).
    """

    secret: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    address: str | None = field(default=None, repr=False)
    pace: Pace | None = None
    pushed: Any = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """A secret given. ValueError where there is none: the source declares no provider that has one."""
        if self.secret is None:
            raise ValueError("this source is opened without a secret")
        return self.secret

    def setting(self, name: str) -> str:
        """A setting that the source requires. NotConfigured where the credential was stored without it."""
        if name not in self.settings:
            raise NotConfigured(f"the credential has no setting {name!r}; store it again with --setting {name}=…")
        return str(self.settings[name])

    @property
    def per_second(self) -> float | None:
        """Requests a second as the account's owner was told, where the credential says so."""
        stored = self.settings.get("requests_per_second")
        return None if stored is None else float(stored)

    def budget(self, at_once: int, per_second: float | None = None, own_address: str | None = None) -> Budget:
        """The budget of this key: the credential's own rate, else `per_second` at the provider's own address."""
        usual = per_second if self.address in (None, own_address) else None
        return Budget(at_once, self.per_second or usual, pace=self.pace)


@dataclass(frozen=True)
class Scope:
    """An id of the provider's that belongs to a tenant: a phone number, a project, a workspace."""

    kind: str
    value: str
    environment: str | None = None


@dataclass(frozen=True)
class Attachment:
    """A scope that belongs to a tenant in [valid_from, valid_to); None for good."""

    scope: Scope
    tenant_id: str
    valid_from: date
    valid_to: date | None = None

    def holds_on(self, usage_date: date) -> bool:
        """Whether it belongs to its tenant that day."""
        return self.valid_from <= usage_date and (self.valid_to is None or usage_date < self.valid_to)


@dataclass(frozen=True)
class Scopes:
    """What is attached of a source's kinds: to the account's tenant; to anybody where it is the platform's account."""

    attachments: tuple[Attachment, ...] = ()

    def on(self, usage_date: date) -> tuple[Scope, ...]:
        """Scopes that are attached on a day, each once."""
        return _once(one.scope for one in self.attachments if one.holds_on(usage_date))

    def since(self, first_day: date) -> tuple[Scope, ...]:
        """Scopes that are attached on that day or will be, each once."""
        return _once(one.scope for one in self.attachments if one.valid_to is None or one.valid_to > first_day)

    @cached_property
    def ever(self) -> tuple[Scope, ...]:
        """Scopes that are or were attached, each once."""
        return _once(one.scope for one in self.attachments)


def _once(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    return tuple(dict.fromkeys(scopes))


def _of_nobody(scopes: Mapping[str, str]) -> Choices:
    return NOBODYS


@dataclass(frozen=True)
class Day:
    """One account's UTC day. `tenant_id` is None for the platform's account, whose rows route by their scopes.

    `choices_of(scopes)` says how much of what is personal a row's tenant chose to have stored, given what the row may
    be attached by; `choices` are those of the account's tenant.
    """

    usage_date: date
    tenant_id: str | None = None
    scopes: Scopes = Scopes()
    choices: Choices = NOBODYS
    choices_of: ChoicesOf = _of_nobody

    @property
    def window(self) -> Window:
        """The day, half-open."""
        return Window.of_day(self.usage_date)

    @property
    def attached(self) -> tuple[Scope, ...]:
        """Scopes that are attached on this day."""
        return self.scopes.on(self.usage_date)

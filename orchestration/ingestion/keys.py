"""A provider's key before anything is read with it: what its settings may be, and whether the provider accepts it."""

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import date

from orchestration.ingestion.reading import access_of
from orchestration.ingestion.routing import Routing
from orchestration.settings import Settings
from sources.registry import registry
from sources.source.declared import SETTING_OF_ALL
from warehouse.security.vault import Credential

RATE, HIGHEST_RATE = SETTING_OF_ALL, 1000


class SettingRefused(ValueError):
    """A setting that nothing reads, or that has no such value; the message says which there are."""


def known_settings(provider: str, texts: Iterable[str]) -> dict[str, str | int | float]:
    """The settings, each written NAME=VALUE, all of which something reads: a misspelt one would change
    nothing in silence.

    Raises SettingRefused.
    """
    given = dict(_setting(text) for text in texts)
    known: dict[str, str | int | float] = dict(given)
    if RATE in known:
        known[RATE] = _rate(given[RATE])
    if fault := registry().of_provider(provider)[0].fault_of_settings(known):
        raise SettingRefused(fault)
    return known


def verify(settings: Settings, routing: Routing, tenant: str | None, credential: Credential, on: date) -> list[str]:
    """Have each source verify that it can read with the credential; what they opened, in words. Hold no connection
    meanwhile. Raises SourceFailure.
    """
    opened = []
    for source in registry().of_provider(credential.provider):
        if source.is_enabled(credential.settings):
            scopes = routing.scopes_of(source, tenant)
            with closing(source.connect(access_of(source, settings, credential))) as client:
                if what := source.verify(client, scopes.since(on)):
                    opened.append(what)
    return opened


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise SettingRefused(f"'{text}' is no setting; write NAME=VALUE")
    return name, value


def _rate(value: str) -> int | float:
    try:
        rate = json.loads(value)
    except json.JSONDecodeError:
        rate = None
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= HIGHEST_RATE:
        raise SettingRefused(f"'{RATE}' is a number up to {HIGHEST_RATE}, not '{value}'")
    return rate

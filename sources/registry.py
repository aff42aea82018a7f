"""Every source there is: those of the folders beside this file, and those of packages that others install.

A folder that is not SHARED is a provider and exports its SOURCES. A package names its own under the entry point group
`minutebook.sources`. A declaration of a package that cannot be right is refused by itself: the others run, and
`Registry.refused` says why.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import sources
from sources.hooks import Hook
from sources.source import InvalidSource, Source

GROUP = "minutebook.sources"
SHARED = frozenset({"checks", "http", "source"})
"""Folders beside this file that are no provider: what sources have in common."""


@dataclass(frozen=True)
class Refused:
    """An entry point whose sources are not read, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Registry:
    """Sources by name, in a fixed order, and what was refused."""

    sources: Mapping[str, Source]
    refused: tuple[Refused, ...] = ()

    def of_provider(self, provider: str) -> list[Source]:
        """The sources that a provider's credential opens."""
        return [source for source in self.sources.values() if source.provider == provider]

    @property
    def hooks(self) -> dict[str, tuple[str, Hook]]:
        """By provider, the source of whose rows it tells us as they happen, and how."""
        return {one.provider: (one.name, one.hook) for one in self.sources.values() if one.hook is not None}

    @property
    def providers(self) -> list[str]:
        """Providers whose credentials are stored, each once."""
        return list(dict.fromkeys(source.provider for source in self.sources.values() if source.needs_credential))


def registered(own: Iterable[Source], others: Iterable[EntryPoint] = ()) -> Registry:
    """A registry of our own sources, which must be right, and of what others' entry points name.

    Raises InvalidSource for two of our own that do not go together.
    """
    known: dict[str, Source] = {}
    for source in own:
        _add(known, [source])
    refused = []
    for entry in others:
        try:
            _add(known, list(_loaded(entry)))
        except Exception as error:  # noqa: BLE001 - whatever a package raises, it must not stop the others
            why = str(error) if isinstance(error, InvalidSource) else f"{type(error).__name__}: {error}"
            refused.append(Refused(f"{entry.name} = {entry.value}", why))
    return Registry(known, tuple(refused))


def _loaded(entry: EntryPoint) -> Iterator[Source]:
    found = entry.load()
    for one in found if isinstance(found, list | tuple) else (found,):
        if not isinstance(one, Source):
            raise InvalidSource(f"{entry.value} is no Source, and no list of them, but {type(one).__name__}")
        yield one


def _add(known: dict[str, Source], new: list[Source]) -> None:
    """All of them, or none. Raises InvalidSource where one does not go with what is known."""
    together = dict(known)
    for source in new:
        for other in together.values():
            if fault := _clash(source, other):
                raise InvalidSource(f"source {source.name!r}: {fault}")
        together[source.name] = source
    known.update(together)


def _clash(source: Source, other: Source) -> str | None:
    if source.name == other.name:
        return f"there is one of that name already, of provider {other.provider}"
    if source.provider != other.provider:
        taken = {kind.name for kind in source.scope_kinds} & {kind.name for kind in other.scope_kinds}
        if taken:
            return f"scope kind {min(taken)!r} is of provider {other.provider}; begin yours with {source.provider}_"
        return None
    if source.table == other.table:
        return f"table {source.table!r} is that of source {other.name!r}"
    if source.hook is not None and other.hook is not None:
        return f"source {other.name!r} of {source.provider} has a hook already"
    if dict(source.settings) != dict(other.settings) or source.address != other.address:
        return f"its settings and address are others than those of {other.name!r}, which the same credential opens"
    return None


def _own() -> Iterator[Source]:
    """Sources of the providers' folders beside this file."""
    for module in pkgutil.iter_modules(sources.__path__):
        if module.ispkg and module.name not in SHARED:
            yield from importlib.import_module(f"sources.{module.name}").SOURCES


@cache
def registry() -> Registry:
    """The registry of this process, read once."""
    return registered(_own(), sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def all_sources() -> Mapping[str, Source]:
    """Sources by name."""
    return registry().sources


def horizons() -> dict[str, int | None]:
    """How many days each source's provider remembers; None: it does not forget."""
    return {source.name: source.horizon_days for source in all_sources().values()}


def remembered_since(today: date) -> dict[str, date]:
    """The first day of which each source's provider still has all; without those that do not forget."""
    return {name: today - timedelta(days=days) for name, days in horizons().items() if days is not None}


def provider_of(name: str) -> str:
    """The provider of a source; the name itself, where the source is not registered any more."""
    known = registry().sources.get(name)
    return name if known is None else known.provider


def source_named(name: str) -> Source:
    """A source. KeyError for a name that is none, or no longer one: its package may be gone."""
    return registry().sources[name]

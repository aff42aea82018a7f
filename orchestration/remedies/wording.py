"""How a finding is worded: parts that every family of findings uses."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from shlex import join
from typing import Any

from orchestration.remedies.steps import Step, steps_of
from warehouse.finding import Finding
from warehouse.words import day, month


@dataclass(frozen=True)
class Link:
    """Where on the pages something is decided or seen."""

    label: str
    href: str


@dataclass(frozen=True)
class OnPage:
    """What a page says. then: a sentence on what to do here. link: where it is resolved or seen. steps: what a button
    does about it; command: to copy, where no page resolves it."""

    what: str
    then: str = ""
    link: Link | None = None
    command: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Wording:
    """One finding for every surface. what: a clause without capital and full stop. fix: the commands that resolve it,
    as they are typed; AMOUNT, RATE and REASON in them are for a person to fill in. short: the code in a few words.

    then, link, is_resolved_there and on_page_what: of a page; what is resolved there needs no command.
    """

    what: str
    fix: str = ""
    short: str = ""
    then: str = ""
    link: Link | None = None
    is_resolved_there: bool = False
    on_page_what: str = ""

    @property
    def on_page(self) -> OnPage:
        """As a page shows it."""
        fix = "" if self.is_resolved_there else self.fix
        return OnPage(self.on_page_what or self.what, self.then, self.link, *resolved_by(fix))

    @property
    def as_record(self) -> dict[str, str]:
        """As a table of the command line, and the metadata of a Dagster check, show it."""
        return {"what": self.what, "fix": self.fix}

    @property
    def in_a_line(self) -> str:
        """As one line of a log or a message says it."""
        return f"{self.what}; run: {self.fix}" if self.fix else self.what

    @property
    def what_then(self) -> str:
        """What follows from it, with the command in it if there is one; of what need not be fixed."""
        return ": ".join(filter(None, (self.then, self.fix)))


def resolved_by(fix: str) -> tuple[str, tuple[Step, ...]]:
    """What a page offers for these commands: to copy them, or the steps of a button in their place."""
    steps = steps_of(fix)
    return ("" if steps else fix, steps)


Word = Callable[[Finding], Wording]
Words = Mapping[StrEnum, Word]


def commands(*lines: Sequence[str]) -> str:
    """Commands one after the other, each only if the one before succeeded."""
    return " && ".join(join(["minutebook", *line]) for line in lines)


def pull(tenant_id: str | None, source: str, first: date, last: date, *flags: str) -> list[str]:
    """The pull of these days, both included; of all tenants where none is named."""
    whose = ["--tenant", tenant_id] if tenant_id else []
    return ["pull", *whose, "--source", source, "--from", str(first), "--to", str(last), *flags]


def difference(tenant_id: str, source: str, on: date) -> str:
    """The command that shows what the current pull of a tenant's day changed against the one before."""
    return commands(["pull", "diff", "--tenant", tenant_id, "--source", source, "--on", str(on)])


def day_page(tenant_id: str, of: date) -> Link:
    """Where a tenant's day is shown."""
    return Link(f"See {day(of)}", f"/days/{tenant_id}/{of}")


def period_page(tenant_id: str, start: date, label: str) -> Link:
    """Where a statement is shown and approved."""
    return Link(label, f"/periods/{tenant_id}/{start}")


def of_which_period(finding: Finding) -> str:
    """Of what is found of an approved period, which: its corrections are carried by the statement that is blocked."""
    start: date = finding.facts["service_start"]
    return "" if start == finding.subject.period_start else f", in its approved period of {month(start)}"


def number(value: Any) -> str:
    """A quantity or amount without an exponent."""
    return f"{value.normalize():f}"


def slug(words: str) -> str:
    """An id made of words."""
    return re.sub(r"[^a-z0-9_]+", "_", words.lower()).strip("_") or "usage"

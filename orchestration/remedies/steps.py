"""What resolves a finding as steps that a page can take: in words, with blanks for what only a person knows.

A step is the words of one command, so that a page does what the command line does. Owns which commands a page may give,
who may give each, and how a step reads. Does not own doing it: `orchestration.cli` does, in a run of Dagster.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from shlex import split

from warehouse.control.agents import words_of
from warehouse.words import counted, day

Step = tuple[str, ...]
LONGEST = 1_000
FINANCE, OPERATOR = "finance", "operator"
_BOTH, _MONEY = frozenset({FINANCE, OPERATOR}), frozenset({FINANCE})
# Words of a command that stand for something a person fills in, each with what the page calls it.
_FILLED_IN = {"AMOUNT": "Amount", "RATE": "Rate", "TENANT": "Tenant", "AGENT": "Agent", "PLAN": "Plan", "UNIT": "Unit",
              "DAY": "First day"}  # fmt: skip
_NUMBERS = {"AMOUNT", "RATE"}
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_NAME = re.compile(r"[\w+][\w.:@+/ -]{0,199}", re.ASCII)
_ACCEPTED = {
    "--accept-loss": "accepting that rows are gone",
    "--accept-count": "accepting the provider’s other count",
    "--accept-cost": "accepting the provider’s other total",
    "--accept-unconfirmed": "accepting that rows are gone without a total that confirms it",
}


class NotFilledIn(ValueError):
    """A blank holds nothing, or nothing that can be meant; the message is for who filled it in."""


@dataclass(frozen=True)
class Blank:
    """What a person fills in: the name of the form's field, what the page calls it, and what stands there at first."""

    name: str
    label: str
    value: str = ""
    is_number: bool = False
    is_day: bool = False
    is_reason: bool = False


@dataclass(frozen=True)
class _Said:
    """A command taken apart: what is named by place, and by option."""

    places: Sequence[str]
    options: Mapping[str, str]

    def days(self) -> str:
        first, last = (date.fromisoformat(self.options[name]) for name in ("--from", "--to"))
        return day(first) if first == last else f"{day(first)} to {day(last)}"

    def since(self) -> str:
        return f"from {day(date.fromisoformat(self.options['--from']))} on"


@dataclass(frozen=True)
class _Verb:
    words: Callable[[_Said], str]
    roles: frozenset[str] = _BOTH


def steps_of(fix: str) -> tuple[Step, ...]:
    """The commands of a remedy that a page can give in its place; none where one of them is not for a page."""
    words, steps = split(fix), []
    while words:
        end = words.index("&&") if "&&" in words else len(words)
        name, *step = words[:end] or [""]
        if name != "minutebook" or _verb(step) is None:
            return ()
        steps.append(tuple(step))
        words = words[end + 1 :]
    return tuple(steps)


def roles_for(steps: Sequence[Step]) -> frozenset[str]:
    """Whose work all of these steps are."""
    return frozenset.intersection(*(verb.roles for step in steps if (verb := _verb(step)))) if steps else frozenset()


def marked(steps: Sequence[Step]) -> str:
    """A name of exactly these steps."""
    return sha256(json.dumps(steps).encode()).hexdigest()


def in_words(step: Step) -> str:
    """What a step does, in a clause without capital: "pull vapi of acme, 3 Oct 2026 to 5 Oct 2026"."""
    verb = _verb(step)
    if verb is None:
        raise ValueError(f"no page gives {' '.join(step[:2])}")
    return verb.words(_said(step))


def blanks_of(steps: Sequence[Step]) -> list[Blank]:
    """What a person has to fill in, each once: the same blank of two steps is one."""
    found = {blank.name: blank for step in steps for _, blank in _blanks(step)}
    return list(found.values())


def filled(steps: Sequence[Step], form: Mapping[str, str]) -> list[Step]:
    """The steps with the form's fields in place of their blanks. Raises NotFilledIn."""
    done = []
    for step in steps:
        words = list(step)
        for place, blank in _blanks(step):
            words[place] = _value(blank, form.get(blank.name, "").strip())
        done.append(tuple(words))
    return done


def _blanks(step: Step) -> list[tuple[int, Blank]]:
    """A blank and its place among the words of a step."""
    found = []
    for place, word in enumerate(step):
        if word in _FILLED_IN:
            blank = Blank(word.lower(), _FILLED_IN[word], is_number=word in _NUMBERS, is_day=word == "DAY")
            found.append((place, blank))
        elif step[place - 1] == "--reason" and place:
            given = "" if word == "REASON" else word
            found.append((place, Blank("reason", "Reason, recorded with your name", given, is_reason=True)))
        elif step[:2] in {("agent", "attach"), ("agent", "create")} and place == 3:
            found.append((place, Blank("agent", "Agent", word)))
    return found


def _value(blank: Blank, value: str) -> str:
    if blank.is_number:
        if not _NUMBER.fullmatch(value):
            raise NotFilledIn(f"{blank.label} is a number from 0 on, such as 0.10.")
        return value
    if blank.is_day:
        try:
            return str(date.fromisoformat(value))
        except ValueError:
            raise NotFilledIn(f"{blank.label} is written YYYY-MM-DD.") from None
    # A word that begins with a dash would be read as an option of the command.
    if blank.is_reason:
        if not value or value.startswith("-") or len(value) > LONGEST:
            raise NotFilledIn("A reason is a sentence of your own; it is kept.")
    elif not _NAME.fullmatch(value):
        raise NotFilledIn(f"{blank.label} is an id, such as those on these pages.")
    return value


def _verb(step: Sequence[str]) -> _Verb | None:
    return _VERBS.get(" ".join(step[:2])) or _VERBS.get(" ".join(step[:1]))


def _said(step: Step) -> _Said:
    named = 2 if " ".join(step[:2]) in _VERBS else 1
    places: list[str] = []
    options: dict[str, str] = {}
    words = list(step[named:])
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            options[word] = words.pop(0) if words and not words[0].startswith("--") else ""
        else:
            places.append(word)
    return _Said(places, options)


def _pull(said: _Said) -> str:
    whose = f" of {said.options['--tenant']}" if "--tenant" in said.options else " of all tenants"
    accepting = "".join(f", {words}" for flag, words in _ACCEPTED.items() if flag in said.options)
    return f"pull {said.options['--source']}{whose}, {said.days()}{accepting}"


def _build(said: _Said) -> str:
    return "make all data again from scratch" if "--full-refresh" in said.options else "refresh the data"


def _key(said: _Said) -> str:
    return f"store a new key of {said.places[0]} for {said.options.get('--tenant', 'the shared account')}"


def _attach(said: _Said) -> str:
    _, agent, kind, value = said.places
    return f"attach {words_of(kind)} {value} to the agent {agent}, {said.since()}"


def _unit(said: _Said) -> str:
    rest = "the rest of " if "--rest" in said.options else ""
    return f"set what one unit of {rest}{said.places[0]} costs, {said.since()}"


def _price(said: _Said) -> str:
    return f"set the price of {said.options['--meter']} for {said.options['--tenant']}, {said.since()}"


def _adopt(said: _Said) -> str:
    return f"bill {counted(len(said.places) - 1, 'call')} as reported by {said.places[0]}"


def _post(said: _Said) -> str:
    whose = f" of {said.options['--tenant']}" if "--tenant" in said.options else ""
    again = ", and what another account was sent and did not bill" if "--resend" in said.options else ""
    return f"post what is owed{whose} to Stripe{again}"


_VERBS = {
    "agent attach": _Verb(_attach),
    "agent create": _Verb(lambda said: f"create the agent {said.places[1]} of {said.places[0]}"),
    "automation retry": _Verb(
        lambda said: f"take on again the runs of {said.places[1]} of {said.places[0]} that failed",
        frozenset({OPERATOR}),
    ),
    "automation run": _Verb(lambda _: "take on the runs that are due", frozenset({OPERATOR})),
    "build": _Verb(_build),
    "canary install": _Verb(lambda _: "install the bill that is known in advance"),
    "cost credit": _Verb(lambda said: f"set what one of {said.places[1]} of {said.places[0]} costs", _MONEY),
    "cost elsewhere": _Verb(lambda said: f"{said.places[1]} of {said.places[0]} is on its own bill", _MONEY),
    "cost uncover": _Verb(lambda said: f"count {said.places[1]} of {said.places[0]} by its own numbers", _MONEY),
    "cost unit": _Verb(_unit, _MONEY),
    "credential set": _Verb(_key, frozenset({OPERATOR})),
    "doubt accept": _Verb(lambda said: f"let {said.places[1].replace('_', ' ')} of {said.places[0]} stand"),
    "hook adopt": _Verb(_adopt, _MONEY),
    "hook seen": _Verb(lambda said: f"note that what hook {said.places[0]} reports was seen"),
    "meter create": _Verb(lambda said: f"count {said.options['--name']} by a meter of its own", _MONEY),
    "plan terms": _Verb(lambda said: f"let the plan {said.places[0]} count calls, {said.since()}", _MONEY),
    "post": _Verb(_post, _MONEY),
    "price set": _Verb(_price, _MONEY),
    "pull": _Verb(_pull),
    "quarantine accept": _Verb(lambda _: "leave this row out of every sum"),
    "rate set": _Verb(lambda said: f"set the rate {said.places[0]} to {said.places[1]}, {said.since()}", _MONEY),
    "reconcile": _Verb(lambda said: f"compare the final invoices of {said.options['--final']}", _MONEY),
    "reopen": _Verb(lambda said: f"reopen {said.places[0]} of {said.options['--tenant']}", _MONEY),
    "stripe accept": _Verb(lambda said: f"accept the difference of {said.places[0]}", _MONEY),
    "stripe changes": _Verb(lambda _: "change the subscription at Stripe", _MONEY),
    "stripe invoice": _Verb(lambda said: f"invoice what waits of {said.places[0]}", _MONEY),
    "stripe settle": _Verb(lambda said: f"settle {said.places[0]} by the next invoice", _MONEY),
    "stripe sync": _Verb(lambda _: "make what Stripe lacks", _MONEY),
    "tenant plan": _Verb(lambda said: f"put {said.places[0]} on a plan, {said.since()}", _MONEY),
    "tenant resume": _Verb(lambda said: f"resume {said.places[0]}", _MONEY),
}

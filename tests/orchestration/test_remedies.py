"""Each code of a finding on each surface: command line, pages, checks. The facts are as `warehouse` gives them."""

import re
import shlex
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import typer
from typer.main import get_command

from orchestration.cli import app
from orchestration.remedies import WORDS, word
from orchestration.remedies.errors import next_step, with_next_step
from orchestration.remedies.steps import filled, in_words, roles_for
from orchestration.web.access.auth import Visitor
from orchestration.web.rendering import TEMPLATES
from warehouse.blocker import Blocker
from warehouse.costs.bills import BillFinding
from warehouse.costs.unknown_costs import UnknownCost
from warehouse.database.errors import WarehouseError
from warehouse.finding import Finding, Hint, Step, Subject
from warehouse.intake.heard import Heard
from warehouse.operations.troubles import Trouble
from warehouse.security.isolation import Flaw
from warehouse.security.web_logins import SignedIn
from warehouse.statements.canary import Distrust
from warehouse.statements.not_billed import NotBilled
from warehouse.statements.unbilled_usage import Unattached, Unmetered

DAY, NEXT, START = date(2026, 10, 5), date(2026, 10, 6), date(2026, 10, 1)
MOMENT = datetime(2026, 10, 5, 12, tzinfo=UTC)
DAYS = {"tenant_id": "acme", "period_start": START, "service_start": START, "source": "vapi", "usage_date": DAY,
        "first_date": DAY, "last_date": NEXT, "last_day": NEXT, "first_day": DAY}  # fmt: skip
USAGE = DAYS | {"item": "Scan (A4)", "unit": "scan", "quantity": Decimal(3), "account": "acme", "voice": None,
                "attributes": {"model": "m"}, "unmetered": [Unmetered("Scan (A4)", "scan", {"model": "m"})],
                "reason": "unpriced", "awaited_tenant_id": "bolt", "agent_id": None}  # fmt: skip
TERMS = {"plan_id": "plan", "subscription_fee": Decimal(1), "setup_fee": Decimal(2), "minimum_amount": Decimal(0),
         "prorates_allowance": True, "gives_credit_notes": True}  # fmt: skip
CALL = {"source": "vapi", "call_id": "c1", "usage_date": DAY, "kind": "vapi_phone_number", "value": "+1 555",
        "is_of_one_row": False}  # fmt: skip
DOUBT = DAYS | {"doubt": "costs_differ", "call_id": "c1", "calls": 2, "charged": Decimal(3), "counted": Decimal(1),
                "charged_in_all": Decimal(6), "unit": "USD", "is_repeated": True}  # fmt: skip
COST = DAYS | {"component": "llm", "meter_id": "minutes", "currency": "EUR", "provider_currency": "USD", "voice": None,
               "unmetered": []}  # fmt: skip
BILL = DAYS | {"provider": "openai"}
MEANT = DAYS | {"reason": "paused", "quantity": Decimal(7), "unit": "scan", "item": "scans"}
HEARD = DAYS | {"provider": "vapi", "hook_id": "hk_1", "about": "tool-calls", "day": DAY, "call_id": "c1",
                "last_at": MOMENT, "account": "acme"}  # fmt: skip
VOICE = {"meter_id": None, "terms": TERMS}
SAMPLES: dict[str, dict[str, Any]] = {
    Blocker.RUNNING: {"ends_on": date(2026, 11, 1)},
    Blocker.DAYS: DAYS | {"days": 2, "status": "failed", "cause": "refused", "cause_code": "credential_rejected",
                          "account": "acme", "provider": "vapi"},
    Blocker.SET_ASIDE: DAYS | {"quarantine_id": 7, "contract": "calls", "item": "odd", "reason": "no number",
                               "is_routed": False, "is_of_length": True},
    Blocker.CALLS_OF_NOBODY: USAGE | {"calls": [CALL] * 5, "unit": "connected second"},
    Blocker.SCOPES_OF_NOBODY: USAGE | {"scopes": [Unattached("usage_agent", "stranger", DAY, Decimal(4))],
                                        "agent_id": "desk"},
    Blocker.USAGE_MOVED: USAGE,
    Blocker.UNPRICED: USAGE | {"service_start": date(2026, 9, 1)},
    Blocker.NO_METER: USAGE | {"voice": VOICE},
    Blocker.UNKNOWN_TYPE: USAGE,
    Blocker.USAGE_UNREAD: USAGE,
    Blocker.TOTAL: DAYS | {"name": "cost", "provider_says": 6, "counted": 5, "is_repeated": True},
    Blocker.TWO_ACCOUNTS: DAYS | {"call_id": "c1", "account": "platform", "other_account": "acme",
                                  "own_account": "acme", "is_loss_shown": False},
    Blocker.COSTS_DIFFER: DOUBT,
    Blocker.MINUTES_DIFFER: DOUBT | {"doubt": "minutes_differ", "unit": "minutes", "is_repeated": False},
    Blocker.PRICE: DAYS | {"meter_id": "scans", "price_id": 8, "stripe_price": {"id": "price_1"}},
    Blocker.MOVED: {"amount": Decimal("1.00"), "former_amount": Decimal("3.25"), "currency": "USD"},
    Blocker.EARLIER: {"open_period_start": date(2026, 9, 1)},
    Blocker.UNBALANCED: {"line_id": "acme/2026-09-01/overage/scans", "currency": "USD", "rated_quantity": Decimal(5),
                         "rated_amount": Decimal(5), "stated_quantity": Decimal(6), "stated_amount": Decimal(6)},
    UnknownCost.NO_RATE: COST,
    UnknownCost.NO_UNIT_COST: COST,
    UnknownCost.NO_METER: COST | {"voice": VOICE},
    UnknownCost.NO_NUMBER: COST | {"asked": ["vapi"], "is_settled": False},
    UnknownCost.BILLED_AS_0: COST,
    UnknownCost.TOTALS_DIFFER: COST,
    UnknownCost.NOT_ON_BILL: COST | {"asked": ["openai_costs"], "is_settled": False},
    UnknownCost.PENDING: COST | {"asked": ["twilio_calls"], "is_settled": False},
    UnknownCost.NO_MONEY: COST | {"provider": "elevenlabs", "units": ["credits"]},
    UnknownCost.NO_QUANTITY: COST | {"covered": [{"source": "vapi", "component": "model", "tenant_id": "acme",
                                                  "agent_id": None}]},
    BillFinding.UNATTACHED_SCOPE: BILL | {"scope_kind": "openai_project", "scope_ref": "proj_1",
                                          "cost": Decimal("0.50"), "currency": "USD"},
    BillFinding.PENDING_PRICE: BILL | {"charges": 2, "quantity_unit": "minutes", "example": "CA1"},
    BillFinding.CHARGED_TWICE: BILL | {"call_id": "c1", "call_date": DAY, "voice_source": "vapi",
                                       "voice_cost": Decimal("0.10"), "component": "transport"},
    BillFinding.UNKNOWN_CALLS: BILL | {"calls": 3, "cost": Decimal("0.30"), "currency": "USD", "example": "CA1"},
    BillFinding.READ_TWICE: BILL | {"scope_kind": "openai_project", "scope_ref": "proj_1", "cost": Decimal("0.50"),
                                    "currency": "USD", "account": "acme", "other_account": "bolt"},
    Heard.AWAITS_ANSWER: HEARD,
    Heard.UNREADABLE_REPORT: HEARD,
    Heard.NEVER_PULLED: HEARD,
    Heard.FORGOTTEN: HEARD,
    NotBilled.PAUSED: MEANT,
    NotBilled.OUTSIDE: MEANT | {"reason": "outside active dates"},
    **{flaw: {"what": "view marts.v shows all", "statement": "drop view marts.v"} for flaw in Flaw},
    Distrust.MARTS_BEHIND: {"message": "the marts are not built yet"},
    Distrust.CANARY_MISSING: {},
    Distrust.CANARY_UNBUILT: {},
    Distrust.CANARY_WRONG: {"wrong": [{"line_kind": "overage", "meter_id": None, "computed_amount": Decimal(1),
                                       "known_amount": Decimal(2)}]},
    NotBilled.PROTOTYPE: MEANT | {"reason": "prototype"},
    Trouble.DAYS: DAYS | {"account": "acme", "days": 2, "tenants": 1, "a_tenant": "acme", "status": "failed",
                          "cause_code": "credential_rejected", "cause": "401"},
    Trouble.NIGHT: {"began": MOMENT},
    Trouble.BUILD: {"fault": "model fct_calls"},
    Trouble.OLD_DATA: {"built_at": MOMENT},
    Trouble.CHECK: {"check": "the_books_balance", "found": 2},
    Trouble.DIFFERS: DAYS | {"days": 2, "findings": "missing"},
    Trouble.REPORTS: DAYS | {"calls": 3},
    Trouble.INVOICE: {"lines": 2, "what": "Stripe billed more"},
    Trouble.NOT_POSTED: DAYS | {"days": 2, "is_refused": True, "cause": "no such meter"},
    Trouble.QUOTA: {"quota": "scans", "threshold": 80, "used": Decimal(81), "allowed": Decimal(100), "unit": "scan",
                    "period_start": START},
    Trouble.EXPECTED: {"quota": "scans", "used": Decimal(60), "expected": Decimal(120), "allowed": Decimal(100),
                       "unit": "scan", "period_start": START, "on": DAY},
    Trouble.KEY: {"key_id": "a1b2c3d4", "scopes": ["events", "backfill"], "expires_at": MOMENT, "is_over": False},
    Trouble.ENDPOINT: {"endpoint_id": "ep_3kQ9vT2mZ7aB", "host": "hooks.example.com", "since": MOMENT,
                       "is_gone": False},
    Trouble.AUTOMATION: {"automation": "follow-up", "runs": 2, "is_failed": True, "fault": "TimeoutError",
                         "since": MOMENT},
    Trouble.DISK: {"place": "home folder", "free": 2**30, "total": 2**34},
    Trouble.BACKUP: {"newest_at": MOMENT, "is_failing": False},
}  # fmt: skip
PAGE = '{% import "acts.html" as acts %}<p>{{ one.what }}</p>{{ acts.remedy(one, visitor, "/target") }}'
FILLED = {"amount": "1", "rate": "1.1", "day": "2026-10-01", "agent": "desk", "tenant": "acme", "plan": "growth",
          "unit": "minutes", "reason": "agreed with the provider"}  # fmt: skip
# What nobody presses a button for: SQL for an administrator, a setting, a runbook.
WITHOUT_A_BUTTON = {
    *Flaw, Distrust.CANARY_WRONG, Trouble.NIGHT, Trouble.CHECK, Trouble.DIFFERS, Trouble.NOT_POSTED,
    Trouble.DISK, Trouble.BACKUP, Trouble.INVOICE,
}  # fmt: skip
RESOLVING = ("/events", "/automations", "/keys")
NUMBERS = {"AMOUNT": "1", "RATE": "1.1", "DAY": "2026-10-01", "PERIOD": "2026-10"}


@pytest.mark.parametrize("code", sorted(WORDS), ids=str)
def test_every_code_is_worded_for_the_command_line_the_pages_and_the_checks(code: Any) -> None:
    wording = word(Finding(code, Subject("acme", START, "vapi", DAY, NEXT, ("c1",)), SAMPLES[code]))
    assert wording.what
    assert wording.fix or wording.then
    assert not re.search(r"None|Decimal|\{|E\+", wording.what + wording.fix + wording.then)
    assert not re.search(r"(?<![/\w])\d{4}-\d\d|\(s\)|\b1 [a-z-]+s\b", wording.what)
    assert wording.as_record == {"what": wording.what, "fix": wording.fix}
    for part in re.split(r" && |\n|, then:? |, and ", wording.fix):
        if part.startswith("minutebook "):
            parse(part)
    shown = wording.on_page
    roles = roles_for(shown.steps) or {"finance"}
    visitor = Visitor(SignedIn("ana", min(roles), None, "", "open"), "token")  # type: ignore[arg-type]
    html = TEMPLATES.from_string(PAGE).render(one=shown, visitor=visitor)
    assert shown.steps or shown.link or shown.then or wording.is_resolved_there or code in WITHOUT_A_BUTTON
    assert ("<pre>" in html) == bool(shown.command)
    assert ("<form" in html) == bool(shown.steps)
    assert not shown.command or code in WITHOUT_A_BUTTON
    for step in filled(shown.steps, FILLED):
        assert not re.search(r"None|--", in_words(step))
        parse(shlex.join(["minutebook", *step]))
    if shown.link:
        assert f'href="{shown.link.href}"' in html
        of_alerts = ("/days", "/periods", "/invoices", *RESOLVING) if isinstance(code, Trouble) else ()
        assert shown.link.href.startswith(("/periods/acme/2026-", "/days/acme/2026-10-05", "#", *of_alerts))


@pytest.mark.parametrize(
    ("code", "facts", "fix"),
    [
        (UnknownCost.NOT_ON_BILL, {}, "cost elsewhere acme llm --from 2026-10-05 --to 2026-10-06 --reason"),
        (UnknownCost.PENDING, {"provider": "twilio", "units": ["seconds"]}, "cost credit twilio seconds AMOUNT"),
        (UnknownCost.PENDING, {"units": []}, "cost elsewhere acme llm"),
        (UnknownCost.NO_NUMBER, {}, "cost elsewhere acme llm"),
        (UnknownCost.NO_NUMBER, {"component": "call"}, "cost unit minutes AMOUNT --rest --from 2026-10-05"),
        (UnknownCost.NO_NUMBER, {"component": "call", "meter_id": None}, "cost elsewhere acme call"),
        (UnknownCost.NO_QUANTITY, {"covered": []}, "cost elsewhere acme llm"),
    ],
)
def test_what_every_source_has_said_its_last_word_on_is_for_a_person_to_settle(
    code: UnknownCost, facts: dict[str, Any], fix: str
) -> None:
    wording = word(Finding(code, Subject("acme", START, "vapi", DAY, NEXT), COST | {"is_settled": True} | facts))
    assert wording.fix.startswith(f"minutebook {fix}")
    for step in filled(wording.on_page.steps, FILLED):
        assert ("the rest of minutes" in in_words(step)) == ("--rest" in step)
        parse(shlex.join(["minutebook", *step]))


OF_STEPS = {"kind": "tenant", "tenant_id": "acme", "agent_id": "desk", "first_day": DAY, "last_day": NEXT,
            "login_id": "ana", "period_start": START}  # fmt: skip


@pytest.mark.parametrize("step", Step)
def test_every_next_step_of_an_error_is_a_command_line(step: Step) -> None:
    said = next_step(Hint(step, OF_STEPS))
    phrase, _, line = said.partition(": ")
    assert phrase
    if "--help" in line or "…" in line:
        assert line.startswith("minutebook ")
    else:
        parse(line)
    error = WarehouseError("It is refused.", Hint(step, OF_STEPS))
    assert with_next_step(error) == f"It is refused; {said}"
    assert with_next_step(WarehouseError("It is refused.")) == "It is refused."


def parse(line: str) -> None:
    """A command that is printed is one that the command line takes, with each of its options."""
    program, *words = shlex.split(line)
    assert program == "minutebook", line
    words = [NUMBERS.get(one, one) for one in words]
    command: Any = get_command(app)
    context = typer.Context(command, info_name="minutebook")
    name = program
    while hasattr(command, "commands") and not words[0].startswith("-"):  # `pull` is a command and a group
        name, *words = words
        command = command.get_command(context, name)
        assert command is not None, line
    command.make_context(name, words, parent=context)

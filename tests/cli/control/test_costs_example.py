"""The documented month of calls on several bills: every command of it runs, and every number of it is right."""

import json
import re
import shlex
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.architecture.test_house import ROOT
from tests.cli.conftest import Minutebook
from tests.ingestion.house import call as spoken
from tests.sandbox import deepgram, openai
from tests.sandbox.fixture import sandbox
from tests.sandbox.server import Sandbox
from tests.sandbox.twilio.account import TwilioAccount, call, of_day, recording, sid
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.clock import OFFSET, offset_to

__all__ = ["sandbox"]

PAGE = ROOT / "docs/what-a-call-costs.md"
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
RENTED = (date(2026, 10, 5), Decimal("1.15"))
COMPONENTS = {
    "Vapi": "vapi", "voice": "voice", "Twilio": "transport", "OpenAI": "model", "Deepgram": "transcriber",
}  # fmt: skip
RECORDED = {"acme-1", "cleo-1"}


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the page's table whose first column is so headed."""
    (block,) = re.findall(rf"^\| {heading} \|.*\n(?:\|.*\n)+", PAGE.read_text(), flags=re.MULTILINE)
    names, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    return [dict(zip(names, row, strict=True)) for row in rows]


def blocks() -> list[tuple[str, list[str]]]:
    """Each command of the page with the lines that it is shown to print."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ minutebook "):
                found.append((line.removeprefix("$ minutebook "), []))
            else:
                found[-1][1].append(line)
    return found


def as_vapi_tells(row: dict[str, str]) -> dict[str, Any]:
    """A call whose model, transcriber and transport other keys paid for."""
    seconds = int(row["length"].removesuffix(" s"))
    minutes = seconds / 60
    items = [
        {"type": "transport", "provider": "twilio", "cost": 0, "minutes": minutes},
        {"type": "transcriber", "cost": 0, "minutes": minutes},
        {"type": "model", "cost": 0, "promptTokens": int(row["tokens"]) - 500, "completionTokens": 500},
        {"type": "voice", "cost": float(row["voice"]), "characters": 10 * seconds},
        {"type": "vapi", "cost": float(row["Vapi"]), "minutes": minutes},
    ]
    total = float(Decimal(row["voice"]) + Decimal(row["Vapi"]))
    return spoken(
        row["call"], date.fromisoformat(row["day"]), seconds=seconds, costs=items, cost=total,
        phone_number_id=f"number-of-{row['call'].partition('-')[0]}", costBreakdown={"total": total},
        transport={"provider": "twilio", "callSid": of_twilio(row), "accountSid": "ignored"},
    )  # fmt: skip


def of_twilio(row: dict[str, str]) -> str:
    return sid("CA", sum(row["call"].encode()))


@pytest.fixture
def at_the_providers(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The page's calls, as Vapi, Twilio, OpenAI and Deepgram answer them."""
    for provider in ("vapi", "twilio", "openai", "deepgram"):
        monkeypatch.setenv(f"MINUTEBOOK_{provider.upper()}_URL", sandbox.url_of(provider))
    rows = table("call")
    sandbox.world.vapi["secret-agency-vapi"] = VapiAccount(in_memory([as_vapi_tells(row) for row in rows]))
    for owner, tenant in (("agency", "acme"), ("cleo", "cleo")):
        own = [row for row in rows if row["call"].startswith(tenant)]
        account = "AC" + owner[0] * 32
        sandbox.world.twilio[account] = twilio_account(account, f"secret-{owner}-twilio", own)
        by_day = {day: [row for row in own if row["day"] == str(day)] for day in DAYS}
        sandbox.world.openai[f"secret-{owner}-openai"] = openai.Organization(lines={
            day: [
                {"line_item": f"gpt-4o-mini, {part}", "project_id": None, "api_key_id": None,
                 "amount": {"value": float(share * total(of_day, "OpenAI")), "currency": "usd"}}
                for part, share in (("input", Decimal("0.8")), ("output", Decimal("0.2"))) if of_day
            ] for day, of_day in by_day.items()
        })  # fmt: skip
        sandbox.world.deepgram[owner] = deepgram.Project(f"secret-{owner}-deepgram", {
            day: [deepgram.row(str(total(of_day, "Deepgram")))] for day, of_day in by_day.items() if of_day
        })  # fmt: skip
    return sandbox


def total(rows: list[dict[str, str]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def twilio_account(account: str, token: str, rows: list[dict[str, str]]) -> TwilioAccount:
    """Calls of whole minutes, a recording of one of them, and a number that is rented."""
    found = TwilioAccount(account, token)
    for row in rows:
        at = datetime.fromisoformat(f"{row['day']}T12:00:01+00:00")
        is_recorded = row["call"] in RECORDED
        price = Decimal(row["Twilio"]) - (Decimal("0.0025") if is_recorded else 0)
        found.calls.append(call(account, 0, at, f"-{price}", sid=of_twilio(row)))
        if is_recorded:
            found.recordings.append(recording(account, 1, of_twilio(row), at, "-0.0025"))
    for day in DAYS:
        of_this_day = [row for row in rows if row["day"] == str(day)]
        recorded = Decimal("0.0025") * sum(row["call"] in RECORDED for row in of_this_day)
        charged, rent = total(of_this_day, "Twilio"), RENTED[1] if day == RENTED[0] else Decimal(0)
        found.usage[day] = of_day(
            account, day, str(charged + rent), calls=str(charged - recorded), recordings=str(recorded),
            phonenumbers=str(rent),
        )  # fmt: skip
    return found


def test_the_table_adds_up_by_hand() -> None:
    for row in table("call"):
        assert sum(Decimal(row[name]) for name in COMPONENTS) == Decimal(row["together"]), row["call"]


@pytest.mark.timeout(900)
def test_the_documented_month_costs_what_the_page_says(
    minutebook: Minutebook, at_the_providers: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFSET, offset_to(datetime.fromisoformat("2026-11-03T12:00:00+00:00")))
    printed = 0
    for typed, shown in blocks():
        command, _, key = typed.partition(" < ")
        name, *words = shlex.split(command)
        told = minutebook(name, *words, given=f"secret-{key.removesuffix('.txt')}\n").stdout
        lines = [line.split() for line in told.splitlines()]
        assert [line for line in shown if line.split() not in lines] == [], f"{typed}:\n{told}"
        printed += len(shown)
    assert printed > 15

    # The columns of the table by hand are what the warehouse says of each client.
    for tenant in ("acme", "cleo"):
        own = [row for row in table("call") if row["call"].startswith(tenant)]
        rows = json.loads(minutebook(f"cost show 2026-10 --tenant {tenant} --json").stdout)["costs"]
        amounts = {row["component"]: Decimal(row["amount"]) for row in rows}
        for name, component in COMPONENTS.items():
            assert amounts[component] == total(own, name), (tenant, component)

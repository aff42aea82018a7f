"""From an event to a line of a statement by the commands people run: in time, late, and of a kind without a price."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.ingestion.conftest import Minutebook, house, minutebook  # noqa: F401 - fixtures
from tests.ingestion.house import House
from tests.intake.served import event, serving
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture

LINE = "acme/2026-10-01/overage/pages"
ADJUSTMENT = f"acme/2026-11-01/adjustment/{LINE.removeprefix('acme/')}"


@pytest.fixture
def priced(minutebook: Minutebook) -> Minutebook:  # noqa: F811
    """Acme pays for pages above ten, since October."""
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-10-01",
        "agent create acme acme-desk --name Desk",
        'meter create pages --name Pages --unit page --source events --item ocr.scan --filter "model=large"',
        "plan create scans --name Scans --currency USD",
        "plan terms scans --from 2026-10-01 --subscription-fee 10",
        "plan allowance scans pages 10 --from 2026-10-01",
        "price set --plan scans --meter pages --from 2026-10-01 --amount 0.50",
        "tenant plan acme scans --from 2026-10-01",
    ):
        minutebook(line)
    return minutebook


@pytest.fixture
def client(priced: Minutebook, house: House, tmp_path: Path) -> Iterator[httpx.Client]:  # noqa: F811
    """Acme's, over the API that the same deployment serves."""
    token = json.loads(priced("key create --tenant acme --json"))["key"]
    with (
        serving(house.url, tmp_path / "served") as address,
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as opened,
    ):
        yield opened


def push(client: httpx.Client, *events: dict[str, object]) -> None:
    assert client.post("/v1/events", json=list(events)).json() == {"accepted": len(events), "duplicates": 0}


def scanned(name: str, day: str, pages: int, **more: object) -> dict[str, object]:
    data = {"quantity": pages, "unit": "page", "model": "large"}
    return event(name, time=f"{day}T12:00:00Z", subject="acme-desk", data=data, **more)


def followed(client: httpx.Client, name: str) -> tuple[str, str, str | None]:
    told = client.get(f"/v1/events/{quote('/ocr/eu-1', safe='')}/{name}").json()
    return told["state"], told["usage_date"], told["line"]


def overages(priced: Minutebook, month: str) -> list[tuple[str, str, str]]:
    (found,) = [one for one in json.loads(priced(f"review {month} --lines --json")) if one["tenant_id"] == "acme"]
    return [
        (line["line_id"], line["quantity"], line["amount"])
        for line in found["lines"]
        if line["line_kind"] in ("overage", "adjustment")
    ]


def test_an_event_is_followed_to_its_line_and_a_late_one_to_the_adjustment_that_bills_it(
    priced: Minutebook,
    house: House,  # noqa: F811
    client: httpx.Client,
) -> None:
    push(client, scanned("first", "2026-10-20", 9), scanned("second", "2026-10-21", 5))
    assert followed(client, "second") == ("stored", "2026-10-21", None)
    priced("pull --source events --from 2026-10-20 --to 2026-10-21")
    priced("build")
    assert overages(priced, "2026-10") == [(LINE, "4", "2.00")]
    assert followed(client, "first") == ("read", "2026-10-20", LINE), "a line is about every unit of its days"
    assert followed(client, "second") == ("read", "2026-10-21", LINE)
    objects = json.loads(priced(f"explain {LINE} --json"))["objects"]
    assert [(one["object_id"].rsplit("/", 1)[-1], one["agent_id"]) for one in objects] == [
        ("first", "acme-desk"),
        ("second", "acme-desk"),
    ]
    priced("approve 2026-10")

    push(client, scanned("late", "2026-10-21", 2))
    assert followed(client, "late") == ("stored", "2026-10-21", None)
    priced("pull --source events --from 2026-10-21 --to 2026-10-21")
    priced("build")
    assert overages(priced, "2026-10") == [(LINE, "4", "2.00")], "what was approved stays"
    assert overages(priced, "2026-11") == [(ADJUSTMENT, "2", "1.00")]
    assert followed(client, "late") == ("read", "2026-10-21", ADJUSTMENT)
    assert [followed(client, name)[2] for name in ("first", "second")] == [LINE, LINE]

    push(client, scanned("void", "2026-10-21", 0, replaces="late"))
    assert followed(client, "late") == ("replaced", "2026-10-21", None)
    priced("pull --source events --from 2026-10-21 --to 2026-10-21")
    priced("build")
    assert overages(priced, "2026-11") == []
    assert followed(client, "void") == ("read", "2026-10-21", None), "it voids, and is on no line"
    balances = house.execute("select sum(amount) as amount from marts.fct_statement_lines where meter_id = 'pages'")
    assert balances == [{"amount": Decimal("2.00")}]


def test_what_no_meter_counts_is_kept_and_reported_and_billed_once_it_has_a_price(
    priced: Minutebook,
    client: httpx.Client,
) -> None:
    push(client, scanned("known", "2026-11-02", 12), event("fax", type="fax.sent", time="2026-11-02T12:00:00Z"))
    priced("pull --source events --from 2026-11-02 --to 2026-11-02")
    priced("build")
    (found,) = [one for one in json.loads(priced("review 2026-11 --json")) if one["tenant_id"] == "acme"]
    assert [one["what"] for one in found["blockers"] if "fax.sent" in one["what"]], found["blockers"]
    assert followed(client, "fax") == ("read", "2026-11-02", None)
    for line in (
        "meter create faxes --name Faxes --unit fax --source events --item fax.sent",
        "price set --plan scans --meter faxes --from 2026-10-01 --amount 0.25",
        "plan allowance scans faxes 0 --from 2026-10-01",
        "build",
    ):
        priced(line)
    assert ("acme/2026-11-01/overage/faxes", "1", "0.25") in overages(priced, "2026-11")
    assert followed(client, "fax") == ("read", "2026-11-02", "acme/2026-11-01/overage/faxes")

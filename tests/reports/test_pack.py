"""The finance pack: what is in it, and that a closed period's is the same for ever."""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from orchestration.reports import drawing, writing
from orchestration.reports.formats import fine, money
from orchestration.reports.freezing import FrozenPackChanged
from tests.web import world
from warehouse.database.connect import Role, connect
from warehouse.statements.periods import Month

OCTOBER, SEPTEMBER = Month.parse("2026-10"), Month.parse("2026-09")
ACME = "acme-dental"
KNOWN = {"reported_by_voice", "reported_by_provider", "estimated", "allocated"}


@pytest.fixture
def url(database_url: str) -> str:
    world.build(database_url, 5, ("Acme Dental", *world.UNFRIENDLY))
    return database_url


def write(url: str, month: Month, folder: Path, tenant: str | None = None) -> writing.Pack:
    with connect(url, Role.OPERATOR) as connection:
        return writing.write(connection, month, folder, tenant_ids=[tenant] if tenant else None)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_a_pack_holds_a_summary_and_a_statement_of_each_tenant(url: str, tmp_path: Path) -> None:
    pack = write(url, OCTOBER, tmp_path / "pack")
    names = set(tree(pack.folder))
    assert {"index.html", "summary.csv", "summary.json", "summary.xlsx", writing.MANIFEST} <= names
    for kind in ("statement.html", "statement.json", "statement.xlsx", "lines.csv", "usage_by_agent.csv", "calls.csv"):
        assert f"statements/{ACME}-2026-10-01/{kind}" in names
    assert (pack.statements, pack.closed, pack.files) == (5, 0, len(names))


def test_a_pack_needs_nothing_from_outside_and_runs_nothing(url: str, tmp_path: Path) -> None:
    for name, data in tree(write(url, OCTOBER, tmp_path / "pack").folder).items():
        if name.endswith(".html"):
            page = data.decode()
            assert "<script" not in page
            # Names of namespaces are the only addresses.
            assert not re.findall(r"(?:src|href)=\"https?://", page)
            assert not re.findall(r"url\((?!#)", page)
            assert page.count("<svg") >= 1


def test_the_summary_adds_up_to_the_statements_and_their_lines(url: str, tmp_path: Path) -> None:
    folder = write(url, OCTOBER, tmp_path / "pack").folder
    for row in csv.DictReader((folder / "summary.csv").open(newline="")):
        lines = csv.DictReader(
            (folder / "statements" / f"{row['tenant_id']}-2026-10-01" / "lines.csv").open(newline="")
        )
        assert sum(Decimal(line["amount"]) for line in lines) == Decimal(row["total"])


def test_the_index_says_who_charged_what_and_what_is_not_known(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url) as connection:
        for amount, basis, reason in ((None, "unknown", "not_on_bill"), ("77.70", "billed_elsewhere", None)):
            connection.execute(
                "insert into marts.fct_costs_daily (tenant_id, usage_date, source, provider, component, basis, amount,"
                " currency, provider_amount, provider_currency, unknown_reason)"
                " values (%s, '2026-10-05', 'b', 'models', 'model', %s, %s, 'USD', %s, 'USD', %s)",
                [ACME, basis, amount, amount, reason],
            )
    folder = write(url, OCTOBER, tmp_path / "pack").folder
    page, found = (folder / "index.html").read_text(), list(csv.DictReader((folder / "costs.csv").open(newline="")))
    of_statements = [row for path in folder.glob("statements/*/costs.csv") for row in csv.DictReader(path.open())]
    whole = {}
    for what, bases in {"ours": KNOWN, "elsewhere": {"billed_elsewhere"}}.items():
        whole[what] = sum(Decimal(row["known_amount"]) for row in found if row["basis"] in bases)
        assert whole[what] == sum(Decimal(row["amount"]) for row in of_statements if row["basis"] in bases), what
    assert whole["elsewhere"] == Decimal("77.70")
    assert "77.70" in page
    of_all = page[page.index("Cost, as far as it is known") :]
    assert money(whole["ours"], "USD") in of_all
    assert "not known" in of_all[of_all.index("A connected minute") : of_all.index("Margin of what is known")]


def test_an_adjustment_names_what_it_corrects_and_a_line_leads_to_its_calls(url: str, tmp_path: Path) -> None:
    folder = write(url, OCTOBER, tmp_path / "pack", ACME).folder / "statements" / f"{ACME}-2026-10-01"
    page = (folder / "statement.html").read_text()
    assert "Correction of September 2026: Call minutes beyond what is included" in page
    assert "<dt>Corrects</dt><dd><code>acme-dental/2026-09-01/overage/voice_minutes</code>" in page
    assert '{"' not in page, "no JSON in front of a reader"
    assert "of 1 Sep 2026 to 30 Sep 2026" in page
    calls = list(csv.DictReader((folder / "calls.csv").open(newline="")))
    assert len(calls) == 93
    assert calls[0]["call_id"] in page
    usage = list(csv.DictReader((folder / "usage_by_agent.csv").open(newline="")))
    overage = list(csv.DictReader((folder / "overage_by_day.csv").open(newline="")))
    assert sum(int(row["quantity"]) for row in usage) == sum(int(row["quantity"]) for row in overage)
    assert all(row["pull_ids"] for row in usage)


def test_a_statement_says_who_charged_what_a_minute_cost_and_what_is_left_of_what_is_known(
    url: str, tmp_path: Path
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into marts.fct_call_days (source, account, usage_date, tenant_id, calls, connected_calls,"
            " connected_seconds) values ('vapi', 'platform', '2026-10-05', %s, 1, 1, 6000)", [ACME],
        )  # fmt: skip
        connection.execute(
            "update marts.fct_margin_monthly set cost = null, margin = null, margin_percent = null,"
            " completeness = 'costs missing' where tenant_id = %s and period_start = '2026-09-01'", [ACME],
        )  # fmt: skip
    folder = write(url, OCTOBER, tmp_path / "pack", ACME).folder / "statements" / f"{ACME}-2026-10-01"
    assert {row["provider"] for row in csv.DictReader((folder / "costs.csv").open(newline=""))} >= {"vapi", "fixed"}
    margins = {row["period_start"]: row for row in csv.DictReader((folder / "margins.csv").open(newline=""))}
    assert Decimal(margins["2026-10-01"]["minutes"]) == 100
    known = Decimal(margins["2026-09-01"]["revenue"]) - sum(
        Decimal(margins["2026-09-01"][f"cost_{basis}"]) for basis in ("reported", "estimated", "allocated")
    )
    assert Decimal(margins["2026-09-01"]["known_margin"]) == known
    page = (folder / "statement.html").read_text()
    assert fine(Decimal(margins["2026-10-01"]["cost"]) / 100, "USD") in page
    assert f"{money(known, 'USD')} of what is known" in page


def test_the_pack_of_a_closed_period_is_the_same_bytes_though_the_marts_moved(url: str, tmp_path: Path) -> None:
    first = tree(write(url, SEPTEMBER, tmp_path / "one").folder)
    with psycopg.connect(url) as connection:
        connection.execute("update marts.fct_margin_monthly set cost = cost + 5, margin = margin - 5")
        connection.execute("update marts.fct_costs_daily set amount = amount * 2")
        connection.execute("delete from marts.fct_usage_daily where usage_date < '2026-09-10'")
        connection.execute("update marts.dim_tenants set name = name || ' Ltd'")
    second = tree(write(url, SEPTEMBER, tmp_path / "two").folder)
    assert first == second
    assert tree(write(url, OCTOBER, tmp_path / "three").folder)["index.html"] != first["index.html"]


def test_the_same_pack_written_in_another_order_and_process_state_is_the_same_bytes(url: str, tmp_path: Path) -> None:
    """Vega numbers clip paths for as long as its process lives; that must not show."""
    first = tree(write(url, OCTOBER, tmp_path / "one").folder)
    drawing.forget()
    assert tree(write(url, OCTOBER, tmp_path / "two").folder) == first


@pytest.mark.parametrize("month", ["2026-09", "2026-10"], ids=["closed", "open"])
def test_another_process_timezone_locale_and_hash_seed_write_the_same_bytes(
    url: str, tmp_path: Path, month: str
) -> None:
    surroundings = (
        {"TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711"},
    )
    packs = []
    for number, surrounding in enumerate(surroundings):
        folder = tmp_path / str(number)
        command = [str(Path(sys.executable).parent / "minutebook"), "pack", month, "--output", str(folder)]
        own = {"MINUTEBOOK_DATABASE_URL": url, "MINUTEBOOK_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            command, env={**os.environ, **surrounding, **own}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        packs.append(tree(folder))
    assert packs[0] == packs[1]
    assert len(packs[0]) > 5


def test_zips_of_the_same_pack_are_the_same_bytes(url: str, tmp_path: Path) -> None:
    packs = [write(url, SEPTEMBER, tmp_path / name / "pack", ACME).folder for name in ("one", "two")]
    one, two = (writing.zipped(folder).read_bytes() for folder in packs)
    assert one == two


def test_a_period_closed_again_after_it_was_reopened_has_a_pack_of_its_own(url: str, tmp_path: Path) -> None:
    before = tree(write(url, SEPTEMBER, tmp_path / "one", ACME).folder)
    with psycopg.connect(url) as connection:
        connection.execute("update ledger.periods set manifest_hash = 'another seal' where tenant_id = %s", [ACME])
        connection.execute("update marts.fct_statements set total = total + 1 where tenant_id = %s", [ACME])
    after = tree(write(url, SEPTEMBER, tmp_path / "two", ACME).folder)
    assert before["index.html"] != after["index.html"]


def test_a_frozen_pack_cannot_be_changed_and_a_changed_one_is_not_used(url: str, tmp_path: Path) -> None:
    write(url, SEPTEMBER, tmp_path / "one", ACME)
    with connect(url, Role.OPERATOR) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update ledger.packs set content = '{}'")
    with psycopg.connect(url) as connection:
        connection.execute("alter table ledger.packs disable trigger user")
        connection.execute("update ledger.packs set content = replace(content, 'Acme', 'Acne')")
    with pytest.raises(FrozenPackChanged):
        write(url, SEPTEMBER, tmp_path / "two", ACME)
    assert not (tmp_path / "two").exists()


def test_the_manifest_seals_every_file(url: str, tmp_path: Path) -> None:
    found = tree(write(url, OCTOBER, tmp_path / "pack", ACME).folder)
    listed = dict(reversed(line.split("  ", 1)) for line in found.pop(writing.MANIFEST).decode().splitlines())
    assert listed == {name: sha256(data).hexdigest() for name, data in found.items()}


def test_a_folder_that_holds_something_is_left_alone(url: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(writing.FolderTaken):
        write(url, OCTOBER, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_month_without_statements_makes_no_pack(url: str, tmp_path: Path) -> None:
    with pytest.raises(writing.NothingToPack):
        write(url, Month.parse("1999-01"), tmp_path / "pack")
    assert not list(tmp_path.iterdir())


def cells(workbook: bytes, tmp_path: Path) -> Iterator[ElementTree.Element]:
    (tmp_path / "book.xlsx").write_bytes(workbook)
    with zipfile.ZipFile(tmp_path / "book.xlsx") as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                yield from ElementTree.fromstring(archive.read(name)).iter("{*}c")  # noqa: S314  we wrote it


def test_a_name_that_looks_like_a_formula_is_text_in_every_format(url: str, tmp_path: Path) -> None:
    found = tree(write(url, OCTOBER, tmp_path / "pack").folder)
    assert (
        "\"'=HYPERLINK(" in found["summary.csv"].decode().replace('""', '"')
        or "'=HYPERLINK" in found["summary.csv"].decode()
    )
    assert not [cell for cell in cells(found["summary.xlsx"], tmp_path) if cell.find("{*}f") is not None]
    assert any(row["name"].startswith("=HYPERLINK") for row in json.loads(found["summary.json"]))
    assert "&lt;script&gt;alert(1)" in found["index.html"].decode()

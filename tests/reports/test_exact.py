"""What leaves for a program has each digit, and no exponent."""

import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from orchestration.plain import as_json, plain
from orchestration.reports.sheets import Sheet, write_workbook
from orchestration.reports.tables import csv_text
from warehouse.database.connect import Role, connect

NUMBERS = ("0.0000001", "-0.0000001", "0.12345678901234567", "18446744073709551614", "25.00", "1000000")
TEXT = '{"a": 0.123456789012345678901, "b": 0.0000001, "c": 3}'


@pytest.mark.parametrize("digits", NUMBERS)
def test_a_decimal_is_text_with_its_digits_in_json_and_csv(digits: str) -> None:
    value = Decimal(digits)
    assert plain({"a": [value, (value,)]}) == {"a": [digits, [digits]]}
    assert as_json({"b": value, "a": None}) == f'{{"a":null,"b":"{digits}"}}'.encode()
    assert csv_text(["a", "b"], [[value, {"c": value}]]) == f'a,b\r\n{digits},"{{""c"":""{digits}""}}"\r\n'


def test_a_workbook_shows_each_digit_of_a_number_or_holds_it_as_text(tmp_path: Path) -> None:
    write_workbook(
        tmp_path / "a.xlsx", [Sheet("s", ["n"], [[Decimal(digits)] for digits in NUMBERS])], date(2026, 1, 1)
    )
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        cells, texts, styles = (
            book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings", "styles")
        )
    assert all(f"<t>{digits}</t>" in texts for digits in NUMBERS[:4])
    assert ("<v>25</v>" in cells, 'formatCode="0.00"' in styles, "<v>1000000</v>" in cells) == (True, True, True)
    assert "E" not in "".join(re.findall(r"<v>([^<]*)</v>", cells))


def test_a_number_in_the_databases_json_is_no_float_and_goes_back_as_it_came(database_url: str) -> None:
    with connect(database_url, Role.OWNER) as connection:
        (read,) = connection.execute("select %s::jsonb", [TEXT]).fetchone() or ()
        assert read == {"a": Decimal("0.123456789012345678901"), "b": Decimal("0.0000001"), "c": 3}
        (text,) = connection.execute("select %s::text", [Jsonb(read)]).fetchone() or ()
    assert text == TEXT


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), (" @sum(a1)", "' @sum(a1)"), ("\x1b[2J=1", "'=1"), ("\u202e-1", "'-1"),
        ("\uff1d1+1", "'\uff1d1+1"), ("\uff20sum", "'\uff20sum"), ("a=1", "a=1"), (["\u202e\x9b2J"], '"[""""]"'),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_or_a_terminal_would_act_on_is_text(text: object, shown: str) -> None:
    assert csv_text(["a"], [[text]]) == f"a\r\n{shown}\r\n"

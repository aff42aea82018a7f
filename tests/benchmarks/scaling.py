"""What a growing deployment takes, from measured constants: writes the table of docs/scaling.md.

Every constant is read from docs/benchmarks.md or from the code, so that a new measurement is a new table.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestration.ingestion.partitions import MOST_KEYS, days_for

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "scaling.md"
BEGIN, END = "<!-- computed -->\n", "<!-- end of what is computed -->\n"
TENANTS = (1_000, 10_000, 100_000)
SHARDS = 100
CALLS_A_DAY, SOURCES, METERS, DAYS_OF_HISTORY, DAYS_KEPT = 333, 3, 3, 365, 45
CORE_HOUR, GB_MONTH = 0.05, 0.10
"""US dollars, of a middling cloud: put in your own."""


@dataclass(frozen=True)
class Measured:
    """Seconds of processor time, but for bytes and the rate of postings."""

    row: float
    parsing: float
    account_day: float
    night_wall_of_a_tenant: float
    history: float
    built_call: float
    postings_a_second: float
    bytes_a_call: int


def measured() -> Measured:
    """The constants, as the page of benchmarks has them today."""
    text = (DOCS / "benchmarks.md").read_text()

    def found(pattern: str) -> list[float]:
        match = re.search(pattern, text)
        assert match, f"docs/benchmarks.md says no more: {pattern}"
        return [float(number.replace(",", "")) for number in match.groups()]

    (row,) = found(r"\| parsed JSON to published \|.*\| (\d+) \|\n")
    fewest, most = found(r"Parsing, (\d+) to (\d+) µs a call")
    pulls, rows, wall, own, server = found(
        r"\| first \| ([\d,]+) \| [\d,]+ \| ([\d,]+) \| ([\d.]+) \| \*\*([\d.]+)\*\* \| ([\d.]+) \|"
    )
    (night_tenants,) = found(r"tests\.benchmarks\.pulling\.night` \(([\d,]+) tenants")
    (history,) = found(r"still follows the history, (\d+) µs a tenant-day")
    (first_build,) = found(r"first build of ten million calls takes (\d+) s")
    (rate,) = found(r"\*\*(\d+) a second\*\* over [\d.]+ s \(wanted 500\)")
    (size,) = found(r"from parsed JSON of ([\d,]+) bytes a call")
    parsing = (fewest + most) / 2e6
    return Measured(
        row=row / 1e6,
        parsing=parsing,
        account_day=(own + server - rows * (row / 1e6 + parsing)) / pulls,
        night_wall_of_a_tenant=wall / night_tenants,
        history=history / 1e6,
        built_call=first_build / 10e6,
        postings_a_second=rate,
        bytes_a_call=int(size),
    )


def table(of: Measured) -> str:
    """The rows for each number of tenants."""

    def night(tenants: int) -> float:
        return tenants * (SOURCES * of.account_day + CALLS_A_DAY * (of.row + of.parsing))

    def build(tenants: int) -> float:
        return tenants * (DAYS_OF_HISTORY * of.history + CALLS_A_DAY * of.built_call)

    def gigabytes(tenants: int) -> float:
        return tenants * CALLS_A_DAY * of.bytes_a_call / 1e9

    def month(tenants: int) -> float:
        return 30 * (night(tenants) + build(tenants)) / 3600 * CORE_HOUR + DAYS_KEPT * gigabytes(tenants) * GB_MONTH

    rows: list[tuple[str, Callable[[int], str]]] = [
        ("calls a month", lambda tenants: f"{tenants * CALLS_A_DAY * 30 / 1e6:,.0f} million"),
        ("reading a night, core hours", lambda tenants: f"{night(tenants) / 3600:,.2f}"),
        ("the night as one run, minutes", lambda tenants: f"{tenants * of.night_wall_of_a_tenant / 60:,.1f}"),
        ("shards for a night of an hour", lambda tenants: f"{-(-tenants * of.night_wall_of_a_tenant // 3600):,.0f}"),
        ("the build after midnight, minutes", lambda tenants: f"{build(tenants) / 60:,.1f}"),
        ("postings, minutes", lambda tenants: f"{tenants * METERS / of.postings_a_second / 60:,.1f}"),
        ("raw documents a day, GB", lambda tenants: f"{gigabytes(tenants):,.1f}"),
        (f"raw documents of {DAYS_KEPT} days, GB", lambda tenants: f"{gigabytes(tenants) * DAYS_KEPT:,.0f}"),
        (
            "days that the Dagster UI shows, of tenants",
            lambda tenants: f"{min(days_for(tenants), MOST_KEYS // tenants):,}",
        ),
        (f"days that the Dagster UI shows, of {SHARDS} shards", lambda _: f"{days_for(SHARDS):,}"),
        ("processor and disk a month, US dollars", lambda tenants: f"{month(tenants):,.0f}"),
    ]
    lines = ["| | " + " | ".join(f"{tenants:,} tenants" for tenants in TENANTS) + " |", "|---|" + "---|" * len(TENANTS)]
    lines += [f"| {name} | " + " | ".join(of_row(tenants) for tenants in TENANTS) + " |" for name, of_row in rows]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its table as it is computed today."""
    head, rest = PAGE.read_text().split(BEGIN)
    return head + BEGIN + table(measured()) + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page())

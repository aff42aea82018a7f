"""The bill of one UTC day: what the services cost that are read, by meter and what cost is attributed by."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sources.azure.client import AzureClient
from sources.azure.query import answered, day_of, question
from sources.azure.services import service_of
from sources.bills import bill, bill_line, checked, literal, number
from sources.checks.undocumented import Undocumented
from sources.day import Day
from sources.errors import NotYetReported, ProviderRefused
from sources.reading import Reading
from sources.rows import Row
from sources.source import Source
from sources.text import said_day

ATTRIBUTED_BY = {
    "resource_group": ("azure_resource_group", "Dimension", "ResourceGroup"),
    "resource": ("azure_resource", "Dimension", "ResourceId"),
    "tag": ("azure_tag", "TagKey", "TagValue"),
}
"""What a credential may name, as the kind of scope, how it is asked for, and the column that it is answered in."""
SERVICES = ("Cognitive Services",)
BY_SERVICE = [("Dimension", "ServiceName")]
DAYS_BEFORE = timedelta(days=29)
NEXT_DAY = timedelta(days=1)
_MONEY = ("Cost", "PreTaxCost")


def read(source: Source, client: AzureClient, day: Day) -> Reading:
    """The day's lines. Without any, the day cost nothing only where other answers say so (`_require_nothing`)."""
    _, kind, column = ATTRIBUTED_BY[client.attribute_by]
    groups = [("Dimension", "Meter"), (kind, client.tag or column)]
    body = question(groups, days=(day.usage_date, day.usage_date), services=client.services or SERVICES)
    # Dates that Azure does not like are shifted without a word.
    rows = [row for row in answered(client, body) if day_of(row) in (day.usage_date, None)]
    if not rows:
        _require_nothing(client, day.usage_date)
    return bill(source, checked(lambda row: _line(client, row, day.usage_date), rows), day)


def verify(client: AzureClient) -> str:
    """The services that were charged this month and the last, and which of them are read. ProviderRefused where there
    are some and none of them is.
    """
    names = {
        str(row["ServiceName"])
        for timeframe in ("MonthToDate", "TheLastMonth")
        for row in answered(client, question(BY_SERVICE, timeframe=timeframe))
    }
    if not names:
        return "its scope can be read; nothing was charged this month or the last, so no service could be compared"
    return f"its scope was charged for {_listed(names)}; read are {_listed(_read_of(client, names))}"


def _require_nothing(client: AzureClient, usage_date: date) -> None:
    """A name of a service that is none answers no row, as does a day that is not added up yet. So all services are
    listed, of the days before and of the day after: ProviderRefused where ours are none of them, NotYetReported where
    no later day is there.
    """
    first, last = usage_date - DAYS_BEFORE, usage_date + NEXT_DAY
    rows = list(answered(client, question(BY_SERVICE, days=(first, last))))
    if rows:
        _read_of(client, {str(row["ServiceName"]) for row in rows})
    if not any((day_of(row) or usage_date) > usage_date for row in rows):
        raise NotYetReported(
            f"Azure reports nothing of {said_day(usage_date)}, and of no later day: what it cost is not known yet"
        )


def _read_of(client: AzureClient, names: set[str]) -> set[str]:
    """Of these services, those that are read. ProviderRefused where none is."""
    services = client.services or SERVICES
    wanted = {name.casefold() for name in services}
    found = {name for name in names if name.casefold() in wanted}
    if not found:
        raise ProviderRefused(
            f"Azure: none of the services {_listed(set(services))} was charged, but {_listed(names)}:"
            " store the credential again with --setting services=…"
        )
    return found


def _line(client: AzureClient, row: Mapping[str, Any], usage_date: date) -> Row:
    kind, _, column = ATTRIBUTED_BY[client.attribute_by]
    if day_of(dict(row)) != usage_date:
        raise Undocumented(f"its UsageDate is not {said_day(usage_date)}")
    money = [name for name in _MONEY if name in row]
    if len(money) != 1:
        raise Undocumented(f"it has {len(money)} columns of money")
    told = row[money[0]]
    meter = str(row.get("Meter") or row.get("ServiceName") or "costs")
    return bill_line(
        row,
        # Of one resource group rows come in more than one case.
        scope=(kind, str(row[column] or "").casefold()),
        service=service_of(meter),
        line_item=meter,
        amount=None if told is None else number(told),
        currency=row["Currency"],
        amount_told=None if told is None else literal(told),
        amount_unit="dollars",
    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)[:20])

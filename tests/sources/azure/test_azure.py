"""Azure's cost management: signing in, what is asked, pages that want their body again, each trap of its answers."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import azure
from sources.azure.client import AzureClient
from sources.azure.query import question
from sources.azure.services import service_of
from sources.day import Day
from sources.errors import ContractBroken, CredentialRejected, NotConfigured, NotYetReported, ProviderRefused
from sources.reading import SUMMED, Reading
from tests.sandbox.azure import Charge, Directory
from tests.sandbox.faults import Fault, altered, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

SECRET = "secret-of-a-client-0123456789"
UUID = "00000000-0000-0000-0000-00000000000"
TENANT, CLIENT, SCOPE = f"{UUID}1", f"{UUID}2", f"/subscriptions/{UUID}3"
SETTINGS = {"tenant_id": TENANT, "client_id": CLIENT, "scope": SCOPE}
DAY = date(2026, 10, 5)
QUERY = f"/azure{SCOPE}/providers/Microsoft.CostManagement/query"
LOGIN = f"/azure/{TENANT}/oauth2/v2.0/token"
OFFICIAL = Path(__file__).parents[4] / "shared/payloads/azure/cost_query_daily_official.json"


@pytest.fixture
def directory(sandbox: Sandbox) -> Directory:
    sandbox.world.azure[TENANT] = Directory(CLIENT, SECRET, SCOPE)
    return sandbox.world.azure[TENANT]


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(sandbox: Sandbox, directory: Directory, slept: list[float]) -> Iterator[AzureClient]:
    with closing(opened(sandbox, slept)) as client:
        yield client


def opened(sandbox: Sandbox, slept: list[float] | None = None, secret: str = SECRET, **settings: str) -> AzureClient:
    told = {**SETTINGS, **settings}
    return azure.connect(UnhurriedAccess(secret, told, sandbox.url_of("azure"), slept=[] if slept is None else slept))


def rows(reading: Reading, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in reading.table.to_pylist()]


def test_one_day_is_asked_by_meter_and_resource_group_of_the_services_that_are_read(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [Charge(DAY, 1.5)]
    azure.read(client, Day(DAY))
    (asked,) = sandbox.asked(QUERY)
    assert asked.params == {"api-version": "2025-03-01"}
    assert asked.body["timePeriod"] == {"from": "2026-10-05T00:00:00Z", "to": "2026-10-05T23:59:59Z"}
    dataset = asked.body["dataset"]
    assert [group["name"] for group in dataset["grouping"]] == ["Meter", "ResourceGroup"]
    assert dataset["filter"]["dimensions"]["values"] == ["Cognitive Services"]


def test_one_token_is_asked_for_with_a_form_and_used_until_it_nears_its_end(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [Charge(DAY, 1.5)]
    for _ in range(2):
        azure.read(client, Day(DAY))
    (asked,) = sandbox.asked(LOGIN)
    assert asked.body == {
        "grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET,
        "scope": "https://management.azure.com/.default",
    }  # fmt: skip
    directory.expires_in = 300
    with closing(opened(sandbox)) as short:
        for _ in range(2):
            azure.read(short, Day(DAY))
    assert directory.logins == 3


def test_lines_keep_meter_group_and_money(client: AzureClient, directory: Directory) -> None:
    directory.charges = [
        Charge(DAY, 2.10333307059661, currency="EUR"),
        Charge(DAY, -0.5, meter="Speech To Text Hours", group=""),
        Charge(DAY, 9, service="Storage", meter="Disks"),
        Charge(DAY + timedelta(days=1), 7),
    ]
    found = azure.read(client, Day(DAY))
    assert rows(found, "scope_kind", "scope_ref", "service", "line_item", "amount", "currency") == [
        ("azure_resource_group", "rg-acme", "llm", "gpt-4o Inp glbl Tokens", "2.10333307059661", "EUR"),
        (None, None, "stt", "Speech To Text Hours", "-0.5", "USD"),
    ]


@pytest.mark.parametrize(("cost", "amount"), [(218.68795741935486, "218.68795741935486"), (100, "100"), (0.01, "0.01")])
def test_money_is_in_whole_units_of_its_currency_digit_for_digit(
    sandbox: Sandbox, client: AzureClient, directory: Directory, cost: float, amount: str
) -> None:
    directory.charges = [Charge(DAY, cost)]
    found = azure.read(client, Day(DAY))
    ((told, _, unit),) = rows(found, "amount", "amount_told", "amount_unit")
    assert (Decimal(told), unit) == (Decimal(amount), "dollars")
    assert found.totals["amount"] == Decimal(amount)


def test_two_currencies_of_one_line_are_never_added(client: AzureClient, directory: Directory) -> None:
    directory.charges = [Charge(DAY, 1), Charge(DAY, 1, currency="EUR")]
    with pytest.raises(ContractBroken, match="told apart by nothing"):
        azure.read(client, Day(DAY))


def test_resource_groups_in_another_case_are_one_scope(client: AzureClient, directory: Directory) -> None:
    directory.charges = [Charge(DAY, 1.5, group="RG-Acme"), Charge(DAY, 0.25, group="rg-acme")]
    found = azure.read(client, Day(DAY))
    assert (rows(found, "scope_ref", "amount"), found.totals[SUMMED]) == ([("rg-acme", "1.75")], 1)


@pytest.mark.parametrize(
    ("settings", "scope"),
    [
        ({"attribute_by": "resource"}, ("azure_resource", Charge(DAY, 1).resource.casefold())),
        ({"attribute_by": "tag", "tag": "customer"}, ("azure_tag", "acme")),
        ({"attribute_by": "tag", "tag": "other"}, (None, None)),
    ],
)
def test_cost_is_attributed_by_what_the_credential_says(
    sandbox: Sandbox, directory: Directory, settings: dict[str, str], scope: tuple[str | None, str | None]
) -> None:
    directory.charges = [Charge(DAY, 1.5, tags={"customer": "Acme"})]
    with closing(opened(sandbox, **settings)) as client:
        assert rows(azure.read(client, Day(DAY)), "scope_kind", "scope_ref") == [scope]


@pytest.mark.parametrize("settings", [{"attribute_by": "tag"}, {"tag": "customer"}])
def test_a_tag_and_attribution_by_it_go_together(sandbox: Sandbox, settings: dict[str, str]) -> None:
    with pytest.raises(NotConfigured, match="go together"):
        opened(sandbox, **settings)


def test_further_pages_are_asked_with_the_same_body(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [Charge(DAY, 1.5, meter=f"gpt {number} Tokens") for number in range(5)]
    directory.per_page = 2
    assert azure.read(client, Day(DAY)).table.num_rows == 5
    asked = sandbox.asked(QUERY)
    assert [one.params.get("$skiptoken") for one in asked] == [None, "2", "4"]
    assert asked[0].body == asked[1].body == asked[2].body
    assert {one.method for one in asked} == {"POST"}


def next_link(link: str) -> Fault:
    def edit(answer: Any) -> Any:
        answer["properties"]["nextLink"] = link
        return answer

    return altered(edit)


def test_a_next_page_that_comes_again_or_is_elsewhere_fails_the_day(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [Charge(DAY, 1.5)]
    elsewhere = "https://example.test/subscriptions/1?$skiptoken=2"
    sandbox.faults.script(QUERY, next_link(elsewhere))
    with pytest.raises(ContractBroken, match=r"at example\.test, and not where the first was"):
        azure.read(client, Day(DAY))
    again = f"{sandbox.url}{QUERY}?api-version=2025-03-01"
    sandbox.faults.script(QUERY, next_link(again), times=2)
    with pytest.raises(ContractBroken, match="no new one is named"):
        azure.read(client, Day(DAY))


def test_a_day_without_a_row_cost_nothing_where_the_service_and_a_later_day_are_known(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [
        Charge(DAY - timedelta(days=20), 3), Charge(DAY + timedelta(days=1), 1, service="Storage"),
    ]  # fmt: skip
    assert azure.read(client, Day(DAY)).table.num_rows == 0
    listed = sandbox.asked(QUERY)[1].body
    assert listed["timePeriod"] == {"from": "2026-09-06T00:00:00Z", "to": "2026-10-06T23:59:59Z"}
    assert [group["name"] for group in listed["dataset"]["grouping"]] == ["ServiceName"]


def test_without_a_later_day_nothing_says_that_a_day_cost_nothing(client: AzureClient, directory: Directory) -> None:
    directory.charges = [Charge(DAY - timedelta(days=1), 3)]
    with pytest.raises(NotYetReported, match="no later day"):
        azure.read(client, Day(DAY))
    directory.charges = []
    with pytest.raises(NotYetReported):
        azure.read(client, Day(DAY))


def test_a_service_name_that_matches_nothing_is_a_failure_and_no_zero(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [
        Charge(DAY + timedelta(days=at), 3, service=name) for at in (0, 1) for name in ("Foundry Models", "Storage")
    ]
    with pytest.raises(
        ProviderRefused, match="none of the services Cognitive Services was charged, but Foundry Models"
    ):
        azure.read(client, Day(DAY))
    with pytest.raises(ProviderRefused, match="--setting services"):
        azure.verify(client, ())
    with closing(opened(sandbox, services="Cognitive Services, Foundry Models")) as other:
        assert azure.read(other, Day(DAY)).table.num_rows == 1


def test_a_range_that_is_moved_back_silently_is_no_other_days_cost(client: AzureClient, directory: Directory) -> None:
    tomorrow = directory.today + timedelta(days=1)
    directory.charges = [Charge(directory.today, 3)]
    with pytest.raises(NotYetReported):
        azure.read(client, Day(tomorrow))


def test_a_list_of_services_is_of_as_many_days_as_are_answered_at_most() -> None:
    body = question([], days=(DAY - timedelta(days=29), DAY + timedelta(days=1)))
    first, last = (date.fromisoformat(body["timePeriod"][end][:10]) for end in ("from", "to"))
    assert (last - first).days + 1 == 31


def test_the_longest_of_the_throttles_waits_is_kept(
    sandbox: Sandbox, client: AzureClient, directory: Directory, slept: list[float]
) -> None:
    directory.charges = [Charge(DAY, 1.5)]
    named = "x-ms-ratelimit-microsoft.costmanagement-{}-retry-after"
    waits = {named.format("qpu"): "7", named.format("entity"): "44", named.format("clienttype"): "12"}
    sandbox.faults.script(
        QUERY, Fault(answer=(429, waits, b'{"error": {"code": "429", "message": "Too many requests"}}'))
    )
    assert azure.read(client, Day(DAY)).table.num_rows == 1
    assert max(slept) > 40


def test_what_is_missing_is_said_with_what_gives_it(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    with closing(opened(sandbox, secret="another-secret-0123456789")) as other:
        with pytest.raises(CredentialRejected, match="the client secret is wrong or has expired") as refused:
            azure.verify(other, ())
        assert "another-secret" not in str(refused.value)
    for setting, words in (("tenant_id", "directory of tenant_id"), ("client_id", "application of client_id")):
        with closing(opened(sandbox, **{setting: f"{UUID}9"})) as other, pytest.raises(CredentialRejected, match=words):
            azure.verify(other, ())
    with (
        closing(opened(sandbox, scope=f"/subscriptions/{UUID}9")) as other,
        pytest.raises(ProviderRefused, match="no such subscription"),
    ):
        azure.verify(other, ())
    directory.has_role = False
    with pytest.raises(CredentialRejected, match="needs the role Cost Management Reader"):
        azure.verify(client, ())
    directory.tokens.clear()
    with pytest.raises(CredentialRejected, match="the token is not accepted"):
        azure.verify(client, ())


def test_verify_lists_services_and_those_that_are_read(client: AzureClient, directory: Directory) -> None:
    assert "nothing was charged this month or the last" in str(azure.verify(client, ()))
    directory.charges = [Charge(DAY, 3), Charge(date(2026, 9, 2), 1, service="Storage")]
    words = "its scope was charged for Cognitive Services, Storage; read are Cognitive Services"
    assert azure.verify(client, ()) == words


@pytest.mark.parametrize("missing", SETTINGS)
def test_settings_are_required_and_of_their_form(sandbox: Sandbox, missing: str) -> None:
    assert azure.COSTS.fault_of_settings(SETTINGS) is None
    without = {name: value for name, value in SETTINGS.items() if name != missing}
    assert f"azure needs the setting '{missing}'" in str(azure.COSTS.fault_of_settings(without))
    assert f"'{missing}' is" in str(azure.COSTS.fault_of_settings({**SETTINGS, missing: "acme"}))
    with pytest.raises(NotConfigured, match=missing):
        azure.connect(UnhurriedAccess(SECRET, without, sandbox.url_of("azure")))
    in_a_group = {**SETTINGS, "scope": f"{SCOPE}/resourceGroups/rg-acme.(x)"}
    assert azure.COSTS.fault_of_settings(in_a_group) is None


def test_more_than_two_groups_are_refused(client: AzureClient, directory: Directory) -> None:
    three = [("Dimension", name) for name in ("Meter", "ResourceGroup", "ServiceName")]
    with pytest.raises(ProviderRefused, match="at most two groups"):
        client.query(msgspec.json.decode, question(three, days=(DAY, DAY)), None)


def test_figures_are_read_again_for_five_days_and_once_the_invoice_is_closed() -> None:
    assert (azure.COSTS.look_back_days, azure.COSTS.settles_on) == (5, 6)


@pytest.mark.parametrize(
    ("meter", "service"),
    [
        ("gpt 4o 0806 Inp glbl Tokens", "llm"),
        ("Neural Text To Speech Characters", "tts"),
        ("Speech To Text Hours", "stt"),
        ("Document Intelligence Pages", "other"),
    ],
)
def test_a_meter_is_of_a_service_and_an_unknown_one_of_other(meter: str, service: str) -> None:
    assert service_of(meter) == service


def answered(columns: list[str], *rows: list[Any]) -> Fault:
    told = {"columns": [{"name": name, "type": "x"} for name in columns], "rows": rows, "nextLink": None}
    return ok_with({"properties": told})


def test_columns_are_read_by_name_in_whatever_order(sandbox: Sandbox, client: AzureClient) -> None:
    columns = ["Currency", "ResourceGroup", "Meter", "UsageDate", "PreTaxCost"]
    sandbox.faults.script(QUERY, answered(columns, ["EUR", "a", "gpt Tokens", 20261005, 2.5]))
    assert rows(azure.read(client, Day(DAY)), "amount", "currency", "scope_ref") == [("2.5", "EUR", "a")]


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (["Cost", "Cost", "ResourceGroup", "UsageDate", "Currency"], [1, 1, "a", 20261005, "USD"]),
        (["Cost", "ResourceGroup", "UsageDate", "Currency"], [1, "a", 20261005]),
    ],
)
def test_columns_that_do_not_fit_are_another_contract(
    sandbox: Sandbox, client: AzureClient, columns: list[str], row: list[Any]
) -> None:
    sandbox.faults.script(QUERY, answered(columns, row))
    with pytest.raises(ContractBroken):
        azure.read(client, Day(DAY))


@pytest.mark.parametrize(
    ("columns", "wrong", "why"),
    [
        (
            ["Cost", "PreTaxCost", "ResourceGroup", "UsageDate", "Currency"],
            [1, 1, "a", 20261005, "USD"],
            "2 columns of money",
        ),
        (["CostUSD", "ResourceGroup", "UsageDate", "Currency"], [1, "a", 20261005, "USD"], "0 columns of money"),
        (["Cost", "ResourceGroup", "UsageDate", "Currency"], [1, "a", "soon", "USD"], "its UsageDate is"),
        (["Cost", "Group", "UsageDate", "Currency"], [1, "a", 20261005, "USD"], "ResourceGroup"),
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside(
    sandbox: Sandbox, client: AzureClient, columns: list[str], wrong: list[Any], why: str
) -> None:
    sandbox.faults.script(QUERY, answered(columns, wrong))
    found = azure.read(client, Day(DAY))
    assert why in found.quarantined[0].reason


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the samples are not part of the product")
@pytest.mark.parametrize(
    ("day", "total"),
    [
        (date(2018, 3, 31), "220.79129048995147"),
        (date(2018, 4, 1), "0.14384913581657052"),
        (date(2018, 4, 29), "0.009865586851323632"),
    ],
)
def test_the_official_sample_loads(sandbox: Sandbox, client: AzureClient, day: date, total: str) -> None:
    sandbox.faults.script(QUERY, ok_with(msgspec.json.decode(OFFICIAL.read_bytes())))
    found = azure.read(client, Day(day))
    assert found.totals["amount"] == Decimal(total)
    if day == date(2018, 4, 29):
        assert rows(found, "scope_ref") == [("ict_stratandplan_goldsprova_prod",)]


def test_refusals_of_the_login_that_pass_are_tried_again(
    sandbox: Sandbox, client: AzureClient, directory: Directory
) -> None:
    directory.charges = [Charge(DAY, 1.5)]
    sandbox.faults.script(LOGIN, status(503), times=2)
    assert azure.read(client, Day(DAY)).table.num_rows == 1

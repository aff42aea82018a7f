"""Azure: what a subscription or resource group was charged for models and speech, by meter and UTC day.

POST login, client credentials ──▶ client (token)
POST {scope}/providers/Microsoft.CostManagement/query ──▶ query (columns, pages) ──▶ costs (lines) ──▶ Reading
"""

from collections.abc import Mapping

from sources.azure import costs
from sources.azure.client import AzureClient
from sources.azure.contract import FACTS, LINE
from sources.day import Access, Day, Scope
from sources.reading import Reading
from sources.source import ScopeKind, Setting, Source

__all__ = ["SOURCES", "connect", "read", "verify"]

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SETTINGS: Mapping[str, tuple[str, ...] | Setting] = {
    "tenant_id": Setting("the id of the directory (tenant), a UUID", _UUID, is_required=True),
    "client_id": Setting("the id of the application (client), a UUID", _UUID, is_required=True),
    "scope": Setting(
        "/subscriptions/<UUID>, or that with /resourceGroups/<name>",
        rf"/subscriptions/{_UUID}(/resourceGroups/[\w.()-]+)?",
        is_required=True,
    ),
    "services": Setting("names of services as Azure writes them, divided by commas", r"[^,]+(,[^,]+)*"),
    "attribute_by": tuple(costs.ATTRIBUTED_BY),
    "tag": Setting("the name of the tag that attribute_by=tag means", r".{1,512}"),
}


def connect(access: Access) -> AzureClient:
    """A client of one service principal. NotConfigured where a setting is missing."""
    return AzureClient(access)


def read(client: AzureClient, day: Day) -> Reading:
    """The lines of the UTC day. Raises SourceFailure; NotYetReported where nothing says that the day cost nothing."""
    return costs.read(COSTS, client, day)


def verify(client: AzureClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the service principal reads the scope's costs, and which services there are. Raises SourceFailure."""
    return costs.verify(client)


COSTS = Source(
    name="azure_costs",
    provider="azure",
    table="costs",
    contract="costs",
    bills=False,
    description="What Azure charged for models and speech, by meter.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=tuple(ScopeKind(kind, column="scope_ref") for kind, *_ in costs.ATTRIBUTED_BY.values()),
    stored=LINE,
    facts=FACTS,
    minimised=None,
    settings=_SETTINGS,
    # Figures move until the invoice closes, up to five days after the month.
    look_back_days=5,
    settles_on=6,
    at_once=1,
)
SOURCES = (COSTS,)

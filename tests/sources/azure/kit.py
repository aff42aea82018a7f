"""What the test kit of sources needs to know of Azure."""

from datetime import timedelta
from typing import Any

import msgspec

from sources import azure
from sources.testing import DAY, Answer, Kit, Request

UUID = "00000000-0000-0000-0000-00000000000"
SETTINGS = {"tenant_id": f"{UUID}1", "client_id": f"{UUID}2", "scope": f"/subscriptions/{UUID}3"}
COLUMNS = ("Cost", "UsageDate", "Meter", "ResourceGroup", "Currency")


def row(meter: str, cost: object = 0.25, group: str = "rg-acme") -> list[object]:
    """A row as Azure answers it, in the order of COLUMNS."""
    return [cost, int(f"{DAY:%Y%m%d}"), meter, group, "USD"]


def answer(request: Request, rows: list[Any]) -> Answer:
    """A token; the day's rows; and of the list of services one that was charged on the next day too."""
    if request.path.endswith("/token"):
        return 200, msgspec.json.encode({"access_token": "token-of-the-kit", "expires_in": 3599})
    columns: tuple[str, ...] = COLUMNS
    if b"ServiceName" in request.body and b'"Meter"' not in request.body:
        columns = ("Cost", "UsageDate", "ServiceName", "Currency")
        rows = [[1, int(f"{DAY + timedelta(days=1):%Y%m%d}"), "Cognitive Services", "USD"]]
    told = {"columns": [{"name": name} for name in columns], "rows": rows, "nextLink": None}
    return 200, msgspec.json.encode({"properties": told})


DAY_OF_KIT = [row("gpt-4o Inp Tokens"), row("gpt-4o Outp Tokens", 1.5), row("Speech To Text", -0.25, "")]
KITS = {
    "azure_costs": Kit(
        source=azure.COSTS,
        answer=answer,
        day=list[object](DAY_OF_KIT),
        changed=[*DAY_OF_KIT[:2], row("Speech To Text", -0.26, "")],
        wrong=row("Neural Text to Speech Characters", "dear"),
        settings=SETTINGS,
    )
}

"""`minutebook limit …`: what holds on a day, and whether anybody is warned."""

import json

from tests.cli.conftest import Minutebook


def test_limits_are_listed_as_of_a_day(acme: Minutebook) -> None:
    assert "no spend limits; next: minutebook limit set --help" in acme("limit list").output
    acme("limit set acme --from 2026-01-01 --amount 500")
    acme("limit set acme --from 2026-03-01 --amount 750.50")
    acme("limit end acme --on 2026-06-01")
    assert json.loads(acme("limit list --on 2026-02-28 --json").output) == [
        {
            "tenant_id": "acme",
            "valid_from": "2026-01-01",
            "valid_to": "2026-03-01",
            "amount": "500",
            "currency": "USD",
            "alerts": True,
        }
    ]
    acme("tenant flag acme quota_alerts false")
    (limit,) = json.loads(acme("limit list --on 2026-05-31 --tenant acme --json").output)
    assert (limit["amount"], limit["alerts"]) == ("750.50", False)
    assert json.loads(acme("limit list --on 2026-06-01 --json").output) == []

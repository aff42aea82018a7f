"""While Stripe does not answer, a person reads one sentence about it, however many tenants there are."""

from datetime import timedelta

import pytest
import stripe
from typer.testing import CliRunner

from orchestration.cli import app
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import KEY, STATEMENT_LINES, Scene
from warehouse import clock

TENANTS = 12


LINES = (
    "post", "reconcile", "reconcile --invoices", "reconcile --final 2026-10", "stripe check", "stripe changes",
    "stripe sync --plan", "stripe invoices",
)  # fmt: skip


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.LOST_REQUEST])
def test_an_outage_is_one_sentence(scene: Scene, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    scene.owner.execute(STATEMENT_LINES)
    scene.stripe.now = clock.now().timestamp()
    scene.meter()
    for number in range(TENANTS):
        scene.tenant(f"t{number:02}")
        scene.overage(f"t{number:02}", scene.today - timedelta(days=2), 5)
    for name, value in {
        "DATABASE_URL": scene.url, "STRIPE_URL": scene.stripe.url, "STRIPE_API_KEY": KEY, "STRIPE_GRACE_HOURS": "72",
        "STRIPE_RATE": "1000",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"MINUTEBOOK_{name}", value)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)  # how long the library pauses is not in question
    for before in ("post", "reconcile --invoices"):
        CliRunner().invoke(app, before.split())
    for number in range(TENANTS):
        scene.overage(f"t{number:02}", scene.today - timedelta(days=1), 7)
    scene.owner.execute("update ledger.stripe_cache set read_at = read_at - interval '2 hours'")
    scene.stripe.fault = lambda call: fault
    for line in LINES:
        result = CliRunner().invoke(app, line.split())
        said = [row for row in result.stderr.splitlines() if row.strip()]
        assert not [row for row in said if row.startswith("{")], said
        assert len([row for row in said if row.startswith("error:")]) == result.exit_code, line
        assert result.exit_code or line.startswith("stripe "), line
        about = [row for row in result.output.splitlines() if "Stripe" in row and row[:1] not in "t│"]
        assert len(about) <= 3, (line, result.output)

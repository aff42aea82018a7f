"""A scene per test: a migrated database with the mart's table, and a Stripe of its own."""

from collections.abc import Iterator

import psycopg
import pytest

from orchestration.marts import building
from tests.sandbox.stripe import StripeSandbox
from tests.stripe_billing.comparison import show_comparison
from tests.stripe_billing.scene import OVERAGES, Scene


@pytest.fixture
def stripe() -> Iterator[StripeSandbox]:
    with StripeSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def scene(database_url: str, stripe: StripeSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(building, "build_after_posting", lambda *_: None)  # a view is there
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        show_comparison(owner)
        yield Scene(database_url, stripe, owner)

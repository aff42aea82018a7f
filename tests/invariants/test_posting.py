"""Invariants 8 and 9 of the design: what reaches Stripe, and that it can be proven."""

from datetime import timedelta

import pytest

from tests.stripe_billing.conftest import scene, stripe  # noqa: F401 - fixtures
from tests.stripe_billing.scene import Scene
from tests.stripe_billing.simulate import run_seed
from tests.stripe_billing.test_reconcile import compared, overwrite


@pytest.mark.parametrize(("seed", "processes"), [(101, False), (110, True)])
def test_08_a_unit_of_overage_reaches_stripe_exactly_once_whatever_crashes(
    database_url: str, seed: int, processes: bool
) -> None:
    """Of `python -m tests.stripe_billing.simulate`, which proves it for a thousand seeds."""
    assert run_seed(database_url, seed, processes=processes).sent


def test_09_marts_equal_postings_equal_stripe_or_a_check_is_red(scene: Scene) -> None:  # noqa: F811
    scene.meter()
    customer = scene.tenant("acme")
    day = scene.today - timedelta(days=2)
    scene.overage("acme", day, 12)
    scene.post()
    scene.stripe.advance(2 * 3600)
    assert compared(scene) == []
    for change in (
        lambda: scene.overage("acme", day, 13),  # the marts moved
        lambda: overwrite(scene, customer, day, 11),  # Stripe moved
    ):
        change()
        assert [one for one in compared(scene) if one.is_red]
        scene.post()
        scene.stripe.advance(2 * 3600)

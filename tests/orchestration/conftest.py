"""The deployment and Dagster's records, as the tests of pulls have them."""

from tests.ingestion.conftest import house, instance  # noqa: F401 - fixtures
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture

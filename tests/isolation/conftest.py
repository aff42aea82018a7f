"""A warehouse built from raw rows of three tenants, and logins of every kind on it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.conftest import kept_build
from tests.marts.warehouse_of_one import Warehouse, call, opened
from warehouse.database.connect import Role, connect
from warehouse.security import database_logins
from warehouse.security.database_logins import Access

OURS, THEIRS, QUIET = "ours", "theirs", "quiet"
AS_OF = date(2026, 4, 1)


@dataclass(frozen=True)
class House:
    """A built warehouse and the addresses of its logins."""

    warehouse: Warehouse
    urls: dict[Access, str]

    @property
    def url(self) -> str:
        """The owner's address."""
        return self.warehouse.url

    def as_login(self, kind: Access) -> psycopg.Connection[Any]:
        """Connected as Metabase or psql would be: no role set, no option given."""
        return psycopg.connect(self.urls[kind], autocommit=True)


@pytest.fixture(scope="session")
def house(
    postgres_server: str, built_template: str, dbt_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    def make(url: str) -> None:
        warehouse = opened(url, dbt_home)
        with warehouse.connection:
            fill(warehouse)
            # Every caller said one word that all say, and one that nobody else does.
            warehouse.connection.execute(
                "update raw_vapi.calls set payload = (payload::jsonb || jsonb_build_object('transcript',"
                " 'User: A plumber, please.' || chr(10) || 'AI: secretof' || split_part(call_id, '-', 1)))::json"
            )
            warehouse.build(AS_OF)

    with kept_build(postgres_server, built_template, make) as url, ExitStack() as stack:
        warehouse = opened(url, tmp_path_factory.mktemp("isolation"))
        stack.enter_context(warehouse.connection)
        yield House(warehouse, stack.enter_context(logins_of_all_kinds(url)))


@contextmanager
def logins_of_all_kinds(url: str) -> Iterator[dict[Access, str]]:
    """The address of a login of each kind, revoked afterwards; the tenant's is ours."""
    with ExitStack() as stack, connect(url, Role.OWNER) as owner:
        urls: dict[Access, str] = {}
        for kind in Access:
            granted = database_logins.grant(owner, kind, tenant_id=OURS if kind is Access.TENANT else None)
            stack.callback(revoke, url, granted.login)
            address = make_url(url).set(username=granted.login, password=granted.password.reveal())
            urls[kind] = address.render_as_string(hide_password=False)
        owner.commit()
        yield urls


def revoke(url: str, login: str) -> None:
    with connect(url, Role.OWNER) as owner:
        database_logins.revoke(owner, login)


def fill(warehouse: Warehouse) -> None:
    """Calls, usage and a statement of every tenant, in one shared account."""
    warehouse.put("control.meters", {
        "meter_id": "minutes", "name": "minutes", "unit": "minute", "source": "vapi", "increment_seconds": 60,
        "minimum_seconds": 0,
    })  # fmt: skip
    warehouse.put("control.plans", {"plan_id": "plan", "name": "plan", "currency": "USD"})
    warehouse.put("control.plan_terms", {
        "plan_id": "plan", "valid_from": "2026-01-01", "subscription_fee": 100, "voice_meter_id": "minutes",
    })  # fmt: skip
    warehouse.put("control.prices", {
        "plan_id": "plan", "meter_id": "minutes", "valid_from": "2026-01-01", "model": "per_unit", "unit_amount": "0.5",
    })  # fmt: skip
    for tenant_id in (OURS, THEIRS, QUIET):
        warehouse.tenant(tenant_id, "2026-03-01", plan_id="plan")
        warehouse.attach(tenant_id, "vapi_phone_number", f"number-{tenant_id}", "2026-03-01")
    warehouse.own_account(QUIET)
    warehouse.calls("platform", "2026-03-01", [
        call(f"{tenant_id}-{number}", "61", phoneNumberId=f"number-{tenant_id}")
        for tenant_id in (OURS, THEIRS) for number in range(5)
    ])  # fmt: skip

"""Two people who write the same at one moment: the second is told what the first has done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import own_database
from warehouse.control import agents
from warehouse.control.errors import Refused
from warehouse.database.connect import Role, connect


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with own_database(postgres_server) as made:
        with connect(made, Role.OPERATOR, actor="otto") as operator:
            for tenant in ("acme", "birch"):
                operator.execute(
                    "insert into control.tenants (tenant_id, name, currency, anchor_day) values (%s, %s, 'USD', 1)",
                    [tenant, tenant],
                )
        yield made


def test_an_agent_that_another_tenant_is_just_given_is_refused_and_keeps_its_name(url: str) -> None:
    with (
        connect(url, Role.OPERATOR, actor="otto") as first,
        connect(url, Role.OPERATOR, actor="olga") as second,
        ThreadPoolExecutor(1) as other,
    ):
        with first.transaction():
            agents.put_agent(first, "acme", "front-desk", "Acme's")
            waiting = other.submit(agents.put_agent, second, "birch", "front-desk", "Birch's")
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        with pytest.raises(Refused, match="tenant acme's"):
            waiting.result(30)
        assert [(row["tenant_id"], row["name"]) for row in agents.agents(first)] == [("acme", "Acme's")]

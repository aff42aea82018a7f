"""Two people who write the same at one moment: the second is told what the first has done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.conftest import own_database
from warehouse.control import agents, guard
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


@pytest.mark.parametrize(
    ("before", "command"),
    [
        (
            "insert into control.brands (name, accent, host) values ('Agency', '#1f5f66', 'bills.example.com')",
            "brand set --name Acme --tenant acme --host bills.example.com",
        ),
        (
            "update control.tenants set stripe_customer_id = 'cus_1' where tenant_id = 'birch'",
            "stripe customer acme cus_1",
        ),
    ],
)
def test_what_another_takes_between_our_look_and_our_writing_is_said_in_words(
    url: str, monkeypatch: pytest.MonkeyPatch, before: str, command: str
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", url)
    with connect(url, Role.OPERATOR, actor="otto") as first, ThreadPoolExecutor(1) as other:
        with first.transaction():
            first.execute(before)
            waiting = other.submit(CliRunner().invoke, app, command.split())
            with pytest.raises(TimeoutError):
                waiting.result(3)
        refused = waiting.result(30)
    assert refused.exit_code == 1
    assert "somebody else wrote the same at the same moment; nothing of this step was changed" in refused.output
    assert "unexpected" not in refused.output


@pytest.mark.parametrize(
    ("before", "command", "both", "expected"),
    [
        (
            "insert into control.personal_choices (tenant_id, phone_numbers) values ('acme', 'never')",
            "tenant privacy acme --recordings redacted",
            "select phone_numbers || ' ' || recordings from control.personal_choices",
            "never redacted",
        ),
        (
            "update control.tenants set name = 'Acme Dental' where tenant_id = 'acme'",
            "stripe customer acme cus_1",
            "select name || ' ' || stripe_customer_id from control.tenants where tenant_id = 'acme'",
            "Acme Dental cus_1",
        ),
    ],
)
def test_what_another_writes_between_our_look_and_our_writing_stays(
    url: str, monkeypatch: pytest.MonkeyPatch, before: str, command: str, both: str, expected: str
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", url)
    with connect(url, Role.OPERATOR, actor="otto") as first, ThreadPoolExecutor(1) as other:
        with first.transaction():
            guard.lock(first)
            first.execute(before)
            waiting = other.submit(CliRunner().invoke, app, command.split())
            with pytest.raises(TimeoutError):
                waiting.result(3)
        done = waiting.result(30)
        assert done.exit_code == 0, done.output
        assert first.execute(both).fetchall() == [(expected,)]

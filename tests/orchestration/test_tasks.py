"""A task is carried out once, step after step, under the name of who asked for it."""

from datetime import date

import dagster as dg
import psycopg
import pytest

from orchestration.defs.tasks.jobs import carry_out_task
from orchestration.defs.tasks.sensors import carry_out_tasks
from orchestration.resources import Minutebook
from warehouse.control import tasks
from warehouse.control.tasks import Task
from warehouse.database.connect import Role, connect
from warehouse.security import web_logins

CREATE, ATTACH = ("agent", "create", "acme", "desk"), ("agent", "attach", "acme", "desk", "usage_agent", "u-1")
FROM = ("--from", "2026-01-01")


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)
    with connect(database_url, Role.OPERATOR) as connection:
        connection.execute("insert into control.tenants (tenant_id, name, currency) values ('acme', 'Acme', 'USD')")
        connection.execute("insert into control.tenant_statuses values ('acme', %s, 'active')", [date(2026, 1, 1)])
    with connect(database_url, Role.SERVER) as connection:
        web_logins.add_login(connection, "ana", "finance", None)
    return database_url


def ask(url: str, *steps: tuple[str, ...]) -> int:
    with connect(url, Role.OPERATOR) as connection:
        return tasks.ask(connection, "/periods", steps, "ana")


def found(url: str, number: int) -> Task:
    with connect(url, Role.OPERATOR) as connection:
        task = tasks.task(connection, number)
    assert task is not None
    return task


def tick(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        answer = carry_out_tasks(context)
    return answer if isinstance(answer, list) else []


def carried_out(instance: dg.DagsterInstance, request: dg.RunRequest) -> bool:
    done = carry_out_task.execute_in_process(
        instance=instance, run_config=request.run_config, tags=request.tags, raise_on_error=False,
        resources={"minutebook": Minutebook()},
    )  # fmt: skip
    return done.success


def test_a_task_is_carried_out_once_under_the_name_of_who_asked(url: str, instance: dg.DagsterInstance) -> None:
    number = ask(url, CREATE, (*ATTACH, *FROM))
    (request,) = tick(instance)
    assert carried_out(instance, request)
    assert found(url, number).state == "done"
    assert tick(instance) == []
    assert not carried_out(instance, request), "what was begun once is never begun again"
    with psycopg.connect(url) as connection:
        audited = connection.execute(
            "select object_table, actor from ledger.audit_log where object_table like 'control.agent%' order by 1"
        ).fetchall()
    assert audited == [("control.agent_attachments", "ana"), ("control.agents", "ana")]


def test_a_step_that_fails_stops_the_rest_and_says_why(url: str, instance: dg.DagsterInstance) -> None:
    number = ask(url, ("agent", "create", "nobody", "desk"), CREATE)
    (request,) = tick(instance)
    assert not carried_out(instance, request)
    task = found(url, number)
    assert (task.state, task.step) == ("failed", 0)
    assert "no tenant 'nobody'" in (task.fault or "")
    with psycopg.connect(url) as connection:
        assert connection.execute("select from control.agents").fetchall() == []


def test_words_that_the_command_line_does_not_take_fail_as_there(url: str, instance: dg.DagsterInstance) -> None:
    number = ask(url, (*ATTACH, "--from", "yesterday"))
    (request,) = tick(instance)
    assert not carried_out(instance, request)
    assert "'yesterday' is no date" in (found(url, number).fault or "")


def test_a_task_whose_run_was_stopped_ends_and_can_be_asked_for_again(url: str, instance: dg.DagsterInstance) -> None:
    number = ask(url, CREATE)
    (request,) = tick(instance)
    run = dg.DagsterRun(job_name="carry_out_task", status=dg.DagsterRunStatus.STARTED, tags=request.tags)
    instance.add_run(run)
    assert tick(instance) == []
    assert found(url, number).ended_at is None
    instance.report_run_canceled(run)
    assert tick(instance) == []
    assert "stopped before it had ended" in (found(url, number).fault or "")
    again = ask(url, CREATE)
    assert again != number
    (request,) = tick(instance)
    assert carried_out(instance, request)

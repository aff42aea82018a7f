"""Agents and what is attached to them."""

import json
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Minutebook


@pytest.fixture
def two(minutebook: Minutebook) -> Minutebook:
    """Tenants acme and bolt, each with an agent of its name."""
    for slug in ("acme", "bolt"):
        minutebook(f"tenant create {slug} --name {slug} --activated-on 2026-01-01")
        minutebook(f"agent create {slug} {slug}-desk")
    return minutebook


def attach(run: Minutebook, slug: str, day: str, *more: str, code: int = 0) -> str:
    return run(f"agent attach {slug} {slug}-desk vapi_phone_number pn_1 --from {day}", *more, code=code).output


def test_attaching_twice_changes_nothing(two: Minutebook) -> None:
    assert "created" in attach(two, "acme", "2026-01-01")
    assert "unchanged" in attach(two, "acme", "2026-01-01")
    assert "attached since 2026-01-01" in attach(two, "acme", "2026-02-01")


def test_a_number_that_is_another_agents_from_the_same_day_is_refused(two: Minutebook) -> None:
    attach(two, "acme", "2026-01-01")
    output = attach(two, "bolt", "2026-01-01", "--move", code=1)
    assert "already belongs to agent acme-desk of tenant acme from that same day" in output


def test_taking_another_tenants_number_needs_to_be_said(two: Minutebook, database: psycopg.Connection[Any]) -> None:
    attach(two, "acme", "2026-01-01")
    assert "--move" in attach(two, "bolt", "2026-03-01", code=1)
    assert "moved from agent acme-desk of tenant acme" in attach(two, "bolt", "2026-03-01", "--move")
    timeline = database.execute("select valid_from::text, tenant_id from control.agent_attachments order by 1")
    assert timeline.fetchall() == [("2026-01-01", "acme"), ("2026-03-01", "bolt")]


def test_a_detached_number_can_go_to_another_tenant_the_same_day(two: Minutebook) -> None:
    attach(two, "acme", "2026-01-01")
    detach = "agent detach acme acme-desk vapi_phone_number pn_1 --from 2026-03-01"
    assert "created" in two(detach).output
    assert "created" in attach(two, "bolt", "2026-03-01")
    assert "unchanged" in two(detach).output


def test_an_unknown_agent_is_told_with_those_of_the_tenant(two: Minutebook) -> None:
    output = two("agent attach acme bolt-desk vapi_phone_number pn_1 --from 2026-01-01", code=1).output
    assert "no agent 'bolt-desk'; there is acme-desk" in output


def test_an_unknown_kind_is_refused_with_those_there_are(two: Minutebook) -> None:
    output = two("agent attach acme acme-desk fax 1 --from 2026-01-01", code=1).output
    assert "vapi_phone_number" in output


def test_an_agent_belongs_to_one_tenant(two: Minutebook) -> None:
    assert "agent acme-desk is tenant acme's" in two("agent create bolt acme-desk", code=1).output


def test_a_project_is_attached_with_the_environment_that_is_read_and_moves_like_a_number(two: Minutebook) -> None:
    project = "agent attach {0} {0}-desk voiceflow_project p1 --from {1}"
    assert "created" in two(project.format("acme", "2026-01-01")).output
    assert "unchanged" in two(project.format("acme", "2026-01-01"), "--environment", "production").output
    changed = two(project.format("acme", "2026-01-01"), "--environment", "staging").output
    assert "changed" in changed
    assert "environment staging instead of production" in " ".join(changed.split())
    assert "--move" in two(project.format("bolt", "2026-02-01"), code=1).output
    two(project.format("bolt", "2026-02-01"), "--move")
    held = json.loads(two("agent list --json").output)
    columns = ("tenant_id", "value", "environment", "valid_from", "valid_to")
    assert [tuple(row[name] for name in columns) for row in held] == [
        ("acme", "p1", "staging", "2026-01-01", "2026-02-01"),
        ("bolt", "p1", "production", "2026-02-01", None),
    ]


def test_a_kind_without_environments_takes_none(two: Minutebook) -> None:
    output = attach(two, "acme", "2026-01-01", "--environment", "staging", code=1)
    assert "a vapi phone number has no environments" in output

"""Tenants whose answers never change, and what the ledger and the raw tables say of them once all is pulled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from orchestration.ingestion import PullOutcome
from tests.ingestion.house import House
from tests.sandbox.vapi.calls import invent, render
from tests.sandbox.voiceflow.chat import invent_project

# What anybody may read, and nothing of how often it was tried: attempts and pull ids differ, these may not.
PUBLISHED = """
select p.source, p.account, p.usage_date, p.row_count, p.content_hash, p.totals, p.provider_totals,
    coalesce(r.landed, 0) as landed, coalesce(r.told, '') as told
from ledger.pulls as p
left join (
    select pull_id, count(*) as landed, md5(string_agg(md5(said), '' order by md5(said))) as told
    from (
        select pull_id, concat_ws('|', account, tenant_id, usage_date, call_id, payload::jsonb) as said
        from raw_vapi.calls
        union all
        select pull_id, concat_ws('|', account, tenant_id, usage_date, metric, payload::jsonb) from raw_voiceflow.usage
        union all
        select pull_id, concat_ws('|', account, tenant_id, usage_date, transcript_id, payload::jsonb)
        from raw_voiceflow.transcripts
        union all
        select pull_id, concat_ws('|', account, tenant_id, usage_date, payload::jsonb) from raw_usage_metrics.metrics
    ) as raw
    group by pull_id
) as r using (pull_id)
where p.state = 'published'
order by p.source, p.account, p.usage_date
"""


@dataclass(frozen=True)
class Scene:
    """`talkers` have a Vapi account each, `chatters` a Voiceflow project each, whose transcripts are read too; all used
    something on each of `days`.
    """

    house: House
    talkers: tuple[str, ...]
    chatters: tuple[str, ...]
    days: tuple[date, ...]

    @classmethod
    def set(
        cls,
        house: House,
        talkers: Sequence[str],
        chatters: Sequence[str],
        days: Sequence[date],
        calls_per_day: int = 7,
    ) -> "Scene":
        """Make the tenants, their credentials and what the providers know of them."""
        for tenant in talkers:
            house.tenant(tenant)
            house.own_vapi(tenant, [call for day in days for call in invented_calls(tenant, day, calls_per_day)])
        for tenant in chatters:
            project, key = f"project-of-{tenant}", key_of_chat(tenant)
            house.tenant(tenant)
            house.execute(
                "insert into control.agent_attachments (kind, value, tenant_id, agent_id, valid_from)"
                " values ('voiceflow_project', %s, %s, %s, '2025-01-01')",
                project, tenant, f"{tenant}-agent",
            )  # fmt: skip
            invented = invent_project(Random(tenant), project, days)
            invented.transcripts = [
                {"id": f"{tenant}-{day}-{n}", "projectID": project, "createdAt": f"{day}T0{n}:00:00.000Z"}
                for day in days for n in range(3)
            ]  # fmt: skip
            house.sandbox.world.voiceflow[key] = {project: invented}
            house.credential(tenant, "voiceflow", key, transcripts="yes")
        return cls(house, tuple(talkers), tuple(chatters), tuple(days))

    @property
    def tenants(self) -> tuple[str, ...]:
        return self.talkers + self.chatters

    def pull(self, **options: Any) -> list[PullOutcome]:
        """Everybody, every day, voice and chat."""
        return self.house.pull(self.tenants, self.days, ("vapi", "voiceflow", "voiceflow_transcripts"), **options)

    def undisturbed(self) -> list[dict[str, Any]]:
        """What is published after one quiet pull; then all of it is forgotten again."""
        failed = [outcome for outcome in self.pull() if outcome.is_failed]
        assert not failed, failed
        published = self.published()
        self.forget()
        self.house.sandbox.received.clear()
        return published

    def published(self) -> list[dict[str, Any]]:
        """Every current pull with its rows; nothing may be half published or still claimed by the dead."""
        published = self.house.execute(PUBLISHED)
        assert [row for row in published if row["row_count"] != row["landed"]] == []
        return published

    def forget(self) -> None:
        """As if nothing had ever been pulled."""
        self.house.execute(
            "truncate ledger.pulls, ledger.attempts, raw_vapi.calls, raw_voiceflow.usage, raw_voiceflow.transcripts,"
            " raw_usage_metrics.metrics cascade"
        )

    def key_of(self, tenant: str) -> str:
        """The authorization header of the tenant's requests."""
        return key_of_chat(tenant) if tenant in self.chatters else f"Bearer private-key-of-{tenant}-at-vapi"


def key_of_chat(tenant: str) -> str:
    """The Voiceflow key of a tenant of a scene."""
    return f"VF.DM.key-of-{tenant}"


def invented_calls(tenant: str, day: date, number: int) -> list[dict[str, Any]]:
    """So many calls of the tenant's day, always the same."""
    random = Random(f"{tenant}/{day}")
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    moments = [midnight + timedelta(milliseconds=random.randrange(86_400_000)) for _ in range(number)]
    return [render(invent(random, at, f"number-{tenant}", f"assistant-{tenant}", tenant), "org") for at in moments]

"""A warehouse written by hand: control rows, and pulls as the ledger would have published them, without a provider."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from signal import SIGKILL
from typing import Any

import msgspec
import psycopg

from orchestration.marts import building
from orchestration.marts.building import BuildResult, build
from tests.replaying import dbt_itself
from warehouse.database.connect import Role, connect

Row = Mapping[str, Any]
BOOKKEEPING = {"dim_build"}  # when it was built, not what
_json = msgspec.json.Encoder(decimal_format="number")


class Warehouse:
    """One database and one dbt target folder; statements are committed one by one."""

    def __init__(self, connection: psycopg.Connection[Any], url: str, home: Path) -> None:
        self.connection = connection
        self.url = url
        self.home = home

    def put(self, table: str, *rows: Row) -> None:
        """Insert rows into `schema.table`."""
        for row in rows:
            columns = ", ".join(row)
            places = ", ".join(["%s"] * len(row))
            self.connection.execute(f"insert into {table} ({columns}) values ({places})", list(row.values()))

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, parameters).fetchall()

    def marts(self) -> dict[str, list[str]]:
        """Every mart, row by row."""
        tables = [name for (name,) in self.rows("select tablename from pg_tables where schemaname = 'marts'")]
        return {
            table: [row for (row,) in self.rows(f"select to_jsonb(t)::text from marts.{table} as t order by 1")]
            for table in tables
            if table not in BOOKKEEPING
        }

    def build(self, as_of: date, *, full_refresh: bool = False) -> BuildResult:
        return build(self.url, self.home, as_of, full_refresh)

    def killed_build(self, as_of: date, after: Callable[[str], bool]) -> bool:
        """A build in a process of its own, killed once `after` holds of a finished model or test, as dbt tells of it.
        Returns whether it came to that."""
        child = os.fork()
        if child == 0:
            try:
                building._invoke = dbt_itself()  # which reports each node when it is made
                build(
                    self.url,
                    self.home,
                    as_of,
                    on_event=lambda reported: os.kill(os.getpid(), SIGKILL) if after(reported) else None,
                )
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)

    def tenant(self, tenant_id: str, active_from: str, *, currency: str = "USD", plan_id: str | None = None) -> None:
        """An active tenant with an agent `<tenant>-agent`, on a plan from its first day."""
        self.put("control.tenants", {"tenant_id": tenant_id, "name": tenant_id, "currency": currency})
        self.put("control.tenant_statuses", {"tenant_id": tenant_id, "valid_from": active_from, "status": "active"})
        self.put("control.agents", {"agent_id": f"{tenant_id}-agent", "tenant_id": tenant_id, "name": tenant_id})
        if plan_id is not None:
            self.put("control.tenant_plans", {"tenant_id": tenant_id, "valid_from": active_from, "plan_id": plan_id})

    def attach(self, tenant_id: str | None, kind: str, value: str, valid_from: str) -> None:
        """From a day on the object is the tenant's agent's, or nobody's."""
        self.put("control.agent_attachments", {
            "kind": kind, "value": value, "valid_from": valid_from, "tenant_id": tenant_id,
            "agent_id": f"{tenant_id}-agent" if tenant_id else None,
        })  # fmt: skip

    def own_account(self, tenant_id: str) -> None:
        """The tenant brings a Vapi account of its own."""
        self.put("control.data_keys", {"tenant_id": tenant_id, "master_key_id": "none", "wrapped_key": b"-"})
        self.connection.execute(
            "insert into control.credentials (tenant_id, provider, data_key_id, ciphertext, fingerprint)"
            " select tenant_id, 'vapi', data_key_id, '', '' from control.data_keys where tenant_id = %s",
            [tenant_id],
        )

    def failed_pull(self, source: str, account: str, usage_date: str, cause: str) -> None:
        self.put("ledger.pulls", {
            "attempt_id": self._attempt(), "source": source, "account": account, "usage_date": usage_date,
            "tenant_id": None if account == "platform" else account, "state": "failed", "cause": cause,
            "cause_code": cause, "closed_at": "2026-01-01T00:00:00Z",
        })  # fmt: skip

    def calls(self, account: str, usage_date: str, calls: Sequence[Row], *, is_incomplete: bool = False) -> int:
        """Publish one day of Vapi calls, each as Vapi answers it; returns the pull."""
        pull_id = self._publish("vapi", account, usage_date, len(calls), is_incomplete)
        self._land_calls(account, usage_date, pull_id, calls)
        return pull_id

    def results(self, account: str, usage_date: str, calls: Sequence[Row]) -> int:
        """The same day read again, with nothing else billed and something else said of its calls; returns the pull."""
        ((pull_id,),) = self.rows(
            "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, confirms_pull_id,"
            " holds_results, row_count, content_hash, results_hash, closed_at) select %s, source, account, tenant_id,"
            " usage_date, 'unchanged', pull_id, true, row_count, content_hash, 'other', '2026-01-02' from ledger.pulls"
            " where account = %s and usage_date = %s and source = 'vapi' and state = 'published' returning pull_id",
            self._attempt(), account, usage_date,
        )  # fmt: skip
        self._land_calls(account, usage_date, pull_id, calls)
        return int(pull_id)

    def _land_calls(self, account: str, usage_date: str, pull_id: int, calls: Sequence[Row]) -> None:
        for call in calls:
            self.put("raw_vapi.calls", self._stamp(account, usage_date, pull_id) | {
                "call_id": call["id"], "created_at": call.get("createdAt", f"{usage_date}T10:00:00Z"),
                "updated_at": call.get("updatedAt", f"{usage_date}T10:00:00Z"), "started_at": call.get("startedAt"),
                "ended_at": call.get("endedAt"), "status": call.get("status"), "call_type": call.get("type"),
                "ended_reason": call.get("endedReason"), "assistant_id": call.get("assistantId"),
                "phone_number_id": call.get("phoneNumberId"), "payload": _json.encode(call).decode(),
            })  # fmt: skip

    def metrics(self, account: str, usage_date: str, rows: Sequence[tuple[str, str, int, str | None]]) -> int:
        """Publish one day of usage metrics: (platform's agent, metric type, quantity, cost in USD or None)."""
        pull_id = self._publish("usage_metrics", account, usage_date, len(rows), False)
        for agent, metric_type, quantity, cost in rows:
            self.put("raw_usage_metrics.metrics", self._stamp(account, usage_date, pull_id) | {
                "usage_agent_id": agent, "metric_type": metric_type, "quantity": quantity,
                "recorded_at": f"{usage_date}T12:00:00Z", "payload": f'{{"cost_usd": {cost or "null"}}}',
            })  # fmt: skip
        return pull_id

    def interactions(self, account: str, usage_date: str, project: str, rows: Sequence[tuple[str, int]]) -> int:
        """Publish one day of a project's Voiceflow interactions in production: (type, quantity)."""
        pull_id = self._publish("voiceflow", account, usage_date, len(rows), False)
        for usage_type, quantity in rows:
            self.put("raw_voiceflow.usage", self._stamp(account, usage_date, pull_id) | {
                "project_id": project, "environment_id": "production", "metric": "interactions",
                "period_at": f"{usage_date}T12:00:00Z", "usage_type": usage_type, "quantity": quantity, "payload": "{}",
            })  # fmt: skip
        return pull_id

    def _stamp(self, account: str, usage_date: str, pull_id: int) -> dict[str, Any]:
        tenant_id = None if account == "platform" else account
        return {"account": account, "tenant_id": tenant_id, "usage_date": usage_date, "pull_id": pull_id}

    def _attempt(self) -> int:
        (attempt,) = self.rows("insert into ledger.attempts (trigger) values ('cli') returning attempt_id")
        return int(attempt[0])

    def _publish(self, source: str, account: str, usage_date: str, row_count: int, is_incomplete: bool) -> int:
        self.connection.execute(
            "update ledger.pulls set state = 'superseded'"
            " where source = %s and account = %s and usage_date = %s and state = 'published'",
            [source, account, usage_date],
        )
        (pull,) = self.rows(
            "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, is_incomplete,"
            " row_count, content_hash, closed_at) values (%s, %s, %s, %s, %s, 'published', %s, %s, 'hash',"
            " '2026-01-01') returning pull_id",
            self._attempt(), source, account, None if account == "platform" else account, usage_date,
            is_incomplete, row_count,
        )  # fmt: skip
        return int(pull[0])


def call(call_id: str, seconds: str | None, **fields: Any) -> dict[str, Any]:
    """An ended call as Vapi tells it; seconds None: it never connected."""
    times = {}
    if seconds is not None:
        whole, _, rest = seconds.partition(".")
        minutes, second = divmod(int(whole), 60)
        times = {
            "startedAt": "2026-03-01T10:00:00.000Z",
            "endedAt": f"2026-03-01T{10 + minutes // 60}:{minutes % 60:02}:{second:02}.{rest or '000'}Z",
        }
    return {"id": call_id, "status": "ended", **times, **fields}


def opened(url: str, home: Path) -> Warehouse:
    return Warehouse(connect(url, Role.OWNER, autocommit=True), url, home)

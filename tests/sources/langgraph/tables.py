"""The tables of langgraph-checkpoint-postgres, and rows as LangGraph writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import psycopg

TABLES = """
create table checkpoint_migrations (v integer primary key);
create table checkpoints (
    thread_id text not null, checkpoint_ns text not null default '', checkpoint_id text not null,
    parent_checkpoint_id text, type text, checkpoint jsonb not null, metadata jsonb not null default '{}',
    primary key (thread_id, checkpoint_ns, checkpoint_id)
);
create table checkpoint_blobs (
    thread_id text not null, checkpoint_ns text not null default '', channel text not null, version text not null,
    type text not null, blob bytea, primary key (thread_id, checkpoint_ns, channel, version)
);
create table checkpoint_writes (
    thread_id text not null, checkpoint_ns text not null default '', checkpoint_id text not null,
    task_id text not null, idx integer not null, channel text not null, type text, blob bytea not null,
    task_path text not null default '', primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);
insert into checkpoint_migrations select v from generate_series(0, 9) as v;
"""


def packed(module: str, name: str, fields: Mapping[str, Any]) -> msgspec.msgpack.Ext:
    """A pydantic model as LangGraph packs it: the class to import is in the data."""
    return msgspec.msgpack.Ext(5, msgspec.msgpack.encode([module, name, fields, "model_validate_json"]))


def answer(message_id: str | None, model: str | None, taken: Any, given: Any, cache_read: Any = None) -> Any:
    """An AIMessage with its usage."""
    usage = {"input_tokens": taken, "output_tokens": given, "total_tokens": 0}
    if cache_read is not None:
        usage["input_token_details"] = {"cache_read": cache_read}
    told = {} if model is None else {"model_name": model}
    fields = {"content": "said", "id": message_id, "usage_metadata": usage, "response_metadata": told}
    return packed("langchain_core.messages.ai", "AIMessage", fields)


@dataclass
class Written:
    """Writes one thread, checkpoint by checkpoint; ids sort as they were made."""

    url: str
    thread_id: str
    tenant: str | None = "acme"
    made: int = 0

    def state(
        self,
        at: str,
        source: str,
        step: int,
        parent: str | None,
        *,
        namespace: str = "",
        input_version: str = "1",
        version: int = 4,
        **metadata: Any,
    ) -> str:
        """A checkpoint, and its id. `at`: day of November and time of day."""
        self.made += 1
        checkpoint_id = f"1f1e{self.made:04}-0000-6000-8000-{self.made:012}"
        ts = datetime.fromisoformat(f"2026-11-{at.replace(' ', 'T')}+00:00").isoformat()
        state = {"v": version, "ts": ts, "id": checkpoint_id, "channel_versions": {"__start__": input_version}}
        named = {"tenant": self.tenant} if self.tenant else {}
        self._insert(
            "checkpoints",
            thread_id=self.thread_id,
            checkpoint_ns=namespace,
            checkpoint_id=checkpoint_id,
            parent_checkpoint_id=parent,
            checkpoint=json.dumps(state),
            metadata=json.dumps({"source": source, "step": step, "parents": {}} | named | metadata),
        )
        return checkpoint_id

    def write(self, checkpoint_id: str, channel: str, value: Any = None, **other: Any) -> None:
        """What a node wrote at a checkpoint: `value` packed, unless `blob` and `type` are given."""
        self.made += 1
        row = {"type": "msgpack", "blob": msgspec.msgpack.encode(value), "checkpoint_ns": "", "idx": 0} | other
        self._insert(
            "checkpoint_writes",
            thread_id=self.thread_id,
            checkpoint_id=checkpoint_id,
            channel=channel,
            task_id=f"task-{self.made}",
            **row,
        )

    def run(self, at: str, *answers: Any, steps: int = 2, parent: str | None = None, step: int = -1) -> list[str]:
        """An invocation of so many nodes in a row, a second after each other; the last nodes write the answers."""
        ids = [self.state(f"{at}:00", "input", step, parent)]
        for number in range(steps + 1):
            ids.append(self.state(f"{at}:{number + 1:02}", "loop", step + number + 1, ids[-1]))
        for one, message in zip(reversed(ids[:-1]), reversed(answers), strict=False):
            self.write(one, "messages", [message])
        return ids

    def sleep(self, checkpoint_id: str) -> None:
        self.write(checkpoint_id, "__interrupt__", ["?"], idx=-3)

    def _insert(self, table: str, **row: Any) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({', '.join(f'%({name})s' for name in row)})", row
            )

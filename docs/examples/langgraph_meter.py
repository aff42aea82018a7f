"""Meter each call of a language model exactly: pip install langchain-core httpx.

    meter = Meter("https://minutebook.example", key, source="/langgraph/prod")
    graph.invoke(state, {"callbacks": [meter], "metadata": {"tenant": "acme"}, "configurable": {"thread_id": "call-1"}})
    meter.close()

One event per call, whose id is the call's run id, with its tokens by kind. With a platform's key each event names its
tenant, as the metadata of the run does; with a tenant's key leave `tenant` out of the metadata, or it is refused.
Events wait in memory until they are taken, and are sent again after a fault: whatever is sent twice counts once.
"""

import logging
import queue
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

log = logging.getLogger(__name__)
BATCH = 500


class Meter(BaseCallbackHandler):
    """A callback that pushes what models used. Safe to share by threads and runs; close() sends what is left."""

    def __init__(self, address: str, key: str, *, source: str, subject: str | None = None) -> None:
        self._client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self._named = {"source": source, **({"subject": subject} if subject else {})}
        self._metadata: dict[UUID, dict[str, Any]] = {}
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._sender = threading.Thread(target=self._send_all, name="meter")
        self._sender.start()

    def on_chat_model_start(self, *_: Any, run_id: UUID, metadata: dict[str, Any] | None = None, **__: Any) -> None:
        """Keep whose call it is."""
        self._metadata[run_id] = metadata or {}

    def on_llm_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A call that failed names no usage."""
        self._metadata.pop(run_id, None)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """One event, of all answers of the call."""
        metadata = self._metadata.pop(run_id, {})
        model, tokens = _used(response)
        model = model or metadata.get("ls_model_name")
        data = {"quantities": tokens, "unit": "token"} if tokens else {"quantity": 1, "unit": "call"}
        event = {
            "specversion": "1.0",
            "id": str(run_id),
            "type": "llm.tokens" if tokens else "llm.call_without_usage",
            "time": datetime.now(UTC).isoformat(),
            **self._named,
            "data": {**data, **({"model": model} if model else {})},
        }
        if tenant := metadata.get("tenant"):
            event["tenant"] = tenant
        self._events.put(event)

    def close(self) -> None:
        """Send what is left, however long that takes, and end."""
        self._events.put(None)
        self._sender.join()
        self._client.close()

    def _send_all(self) -> None:
        is_over = False
        while not is_over:
            taken = [self._events.get()]
            while len(taken) < BATCH and not self._events.empty():
                taken.append(self._events.get())
            batch = [event for event in taken if event is not None]
            is_over = len(batch) < len(taken)
            if batch:
                self._push(batch)

    def _push(self, batch: list[dict[str, Any]]) -> None:
        wait = 0.5
        while True:
            try:
                answer = self._client.post("/v1/events", json=batch)
                if answer.status_code in (202, 422):
                    for refused in answer.json().get("rejected", ()):
                        log.error("event %s was refused: %s", refused["id"], refused["detail"])
                    return
                if answer.status_code != 429 and answer.status_code < 500:
                    log.error("%d events were refused: %s", len(batch), answer.status_code)
                    return
                wait = float(answer.headers.get("Retry-After", wait))
            except httpx.TransportError as error:
                log.warning("no answer (%s): sent again in %.1f s", type(error).__name__, wait)
            time.sleep(wait)
            wait = min(2 * wait, 60)


def _used(response: LLMResult) -> tuple[str | None, dict[str, int]]:
    """Model and tokens by kind; what was read from a cache is no input. Without any, the provider named no usage.

    Of several answers to one question the first has the usage of all: providers repeat it in each.
    """
    model, tokens = None, {}
    for answers in response.generations:
        messages = [one.message for one in answers if isinstance(one, ChatGeneration)]
        message = next((one for one in messages if getattr(one, "usage_metadata", None)), None)
        if not isinstance(message, AIMessage) or message.usage_metadata is None:
            continue
        usage = message.usage_metadata
        model = model or message.response_metadata.get("model_name") or message.response_metadata.get("model")
        cached = usage.get("input_token_details", {}).get("cache_read") or 0
        counted = {"input": usage["input_tokens"] - cached, "cache_read": cached, "output": usage["output_tokens"]}
        tokens = {kind: tokens.get(kind, 0) + count for kind, count in counted.items()}
    return model, tokens

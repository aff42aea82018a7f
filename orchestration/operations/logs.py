"""Lines of logs: for a person on a terminal, one JSON object each elsewhere; without secrets, and nothing that acts.

A line of a run says which run, job and step it is of and, where it is about a tenant's day, its tenant, its source or
asset, and its day; about a shard's day, its shard.
"""

import logging
import sys
from collections.abc import Collection, MutableMapping
from typing import Any

import structlog

from sources.text import clean_lines

FACTS = ("run", "job", "step", "asset", "shard", "tenant", "source", "day")
Entry = MutableMapping[str, Any]


def configure(secrets: Collection[str] = (), *, is_debug: bool = False) -> None:
    """Have what we log in commands and in what serves go to standard error. secrets: texts that no line may hold."""
    is_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if is_terminal else [structlog.processors.format_exc_info]),
            _Cleaner(secrets),
            structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if is_debug else logging.WARNING),
        # Whatever stderr is when something is logged: one that was put in its place for a while may be closed by then.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def in_json(secrets: Collection[str]) -> logging.Formatter:
    """What writes a record of Python's own logging as one JSON object, with those of FACTS that it carries."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ExtraAdder(FACTS),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _Cleaner(secrets),
            structlog.processors.JSONRenderer(),
        ],
    )


def without(secrets: Collection[str], text: str) -> str:
    """The text without these; what is so short that it may be any word stays."""
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, "…")
    return text


class _Cleaner:
    """What others said goes to a log as text, not as commands to the terminal that shows it."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = secrets

    def __call__(self, _: Any, __: str, entry: Entry) -> Entry:
        for name, value in entry.items():
            if isinstance(value, str):
                entry[name] = clean_lines(without(self._secrets, value))
        return entry

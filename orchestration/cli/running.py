"""A command carried out for somebody who asked on a page: the same checks, roles and audit as on a terminal."""

from collections.abc import Sequence
from dataclasses import replace

from orchestration.cli import app
from orchestration.cli.session import USAGE_ERRORS, Session, in_one_line
from orchestration.settings import Settings


class StepFailed(Exception):
    """A command did not end well; the message is one line, and names no secret."""


def run(words: Sequence[str], settings: Settings, actor: str) -> None:
    """Carry out the command of these words in the name of a person. Raises StepFailed."""
    session = Session(replace(settings, acting_for=actor), is_debug=True)
    try:
        status = app(list(words), prog_name="minutebook", standalone_mode=False, obj=session)
    except USAGE_ERRORS as error:
        raise StepFailed(getattr(error, "message", "") or str(error)) from None
    except Exception as error:  # noqa: BLE001 - the page that asked is told why, whatever it is
        raise StepFailed(in_one_line(error, session)) from None
    if status:
        raise StepFailed(f"minutebook {words[0]} ended with {status}")

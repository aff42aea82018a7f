"""What the server refuses for now is said in words, with what to do; and the command works when it is over."""

from typing import Any

import pytest
from psycopg import errors

from orchestration.cli import session
from tests.cli.conftest import Minutebook


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (errors.DiskFull("could not extend file: No space left on device"), "no room left on its disk"),
        (errors.LockNotAvailable("waited 15 s for a lock that is held by login ana (process 7)"), "held by login ana"),
        (errors.QueryCanceled("canceling statement due to statement timeout"), "longer than it may"),
    ],
)
def test_a_refusal_is_said_in_words_and_over_when_it_is_over(
    minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch, refusal: Exception, words: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise refusal

    with monkeypatch.context() as patched:
        patched.setattr(session, "connect", refuse)
        said = minutebook("tenant list", code=1).stderr
    assert words in said
    assert "run the command again" in said
    assert "unexpected" not in said
    minutebook("tenant list")

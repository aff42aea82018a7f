"""By which words results of calls are read: set, changed, taken away, listed, or refused."""

import json

import pytest

from tests.cli.conftest import Minutebook


def test_a_rubric_and_an_output_are_set_changed_and_taken_away(acme: Minutebook) -> None:
    minutebook = acme
    rubric = "agent rubric acme vapi_assistant as-1"
    assert "created" in minutebook(f"{rubric} pass_fail").stdout
    assert "unchanged" in minutebook(f"{rubric} pass_fail").stdout
    assert "changed" in minutebook(f"{rubric} numeric --success-from 7.5").stdout
    assert "created" in minutebook("agent output acme o-1 sentiment").stdout
    assert "changed" in minutebook("agent output acme o-1 rating").stdout
    listed = [
        {"tenant_id": "acme", "kind": "structured output", "value": "o-1", "read_as": "rating", "success_from": None},
        {"tenant_id": "acme", "kind": "vapi_assistant", "value": "as-1", "read_as": "numeric", "success_from": "7.5"},
    ]
    assert json.loads(minutebook("agent results --json").stdout) == listed
    assert json.loads(minutebook("agent results --tenant beta --json").stdout) == []
    for _ in range(2):
        minutebook(f"{rubric} none")
        minutebook("agent output acme o-1 none")
        assert json.loads(minutebook("agent results --json").stdout) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("rubric acme vapi_assistant as-1 likert", "add --success-from"),
        ("rubric acme vapi_assistant as-1 pass_fail --success-from 1", "leave it out"),
        ("rubric acme vapi_call c-1 pass_fail", "scope kind"),
        ("rubric nobody vapi_assistant as-1 pass_fail", "nobody"),
        ("output nobody o-1 rating", "nobody"),
    ],
)
def test_what_cannot_be_meant_is_refused(acme: Minutebook, command: str, words: str) -> None:
    assert words in acme(f"agent {command}", code=None).output

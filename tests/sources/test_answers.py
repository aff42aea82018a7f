"""What an error says in each provider's own shape, and how long it asks to wait."""

import pytest

from sources.http.answers import message_of, retry_after


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message": ["one", "two"], "error": "Bad Request", "statusCode": 400}', "one, two"),
        (b'{"error": {"message": "no such key", "type": "x", "code": null}}', "no such key"),
        (b'{"type": "error", "error": {"type": "authentication_error", "message": "bad key"}}', "bad key"),
        (b'{"error": "invalid_client", "error_description": "AADSTS7000215: wrong"}', "AADSTS7000215: wrong"),
        (b'{"detail": {"status": "missing_permissions", "message": "no right"}}', "no right"),
        (b'{"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."}', "Invalid credentials."),
        (b'{"data": []}', None),
        (b"nothing", None),
    ],
)  # fmt: skip
def test_the_providers_own_words_are_found_wherever_they_stand(body: bytes, said: str | None) -> None:
    assert message_of(body) == said


def test_of_several_waits_the_longest_holds() -> None:
    limits = {
        "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "12",
        "X-Ms-Ratelimit-Microsoft.CostManagement-Qpu-Retry-After": "41.5",
        "retry-after": "3",
        "x-ms-ratelimit-remaining": "99",
        "x-other-retry-after": "soon",
    }
    assert retry_after(limits) == 41.5
    assert retry_after({"x-ms-ratelimit-remaining": "99"}) is None

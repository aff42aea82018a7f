"""What can go wrong while a provider is read, and whether trying again may help.

    SourceFailure
    ├── permanent: somebody probably has to act; the day still comes back, at longer distances (`retry_schedule`)
    │   ├── NotConfigured        the source has no address in the settings
    │   ├── CredentialRejected   the key is wrong, revoked or may not read this
    │   ├── ProviderRefused      any other 4xx, and again when repeated: the request itself is not accepted
    │   ├── ContractBroken       the answer is not of the shape we know, and again when repeated
    │   ├── PullTruncated        the provider will not give the whole day, however it is asked
    │   └── AnswerTooLarge       more bytes than we take in one answer
    └── transient: the next attempt may succeed
        ├── RateLimited          429
        ├── ProviderDown         5xx, 408, 409, a cut, empty or unreadable answer, a page of something in between
        ├── ProviderUnreachable  no connection
        ├── AnswerMoved          rows changed while their pages were read
        └── NotYetReported       the provider has not added the day up yet: unknown, and not zero

An error reported inside a 200 is what its own `statusCode` says. Messages are shown to operators and stored in the
ledger: they never carry a secret.
"""

from typing import ClassVar


class SourceFailure(Exception):
    """A day could not be read. `code` is stored with the failed pull; `is_permanent` says that a repeat alone will
    probably not help. `most_attempts`: how often a run asks before it believes it. `requests` is what was sent in vain,
    where somebody counted; `status` what HTTP answered, where that was the failure.
    """

    code: ClassVar[str] = "source_failure"
    is_permanent: ClassVar[bool] = True
    most_attempts: ClassVar[int] = 1
    requests: int = 0
    status: int | None = None


class NotConfigured(SourceFailure):
    code = "not_configured"


class CredentialRejected(SourceFailure):
    code = "credential_rejected"


class ProviderRefused(SourceFailure):
    code = "provider_refused"
    most_attempts = 3  # a 404 or a 400 also comes once, while the provider deploys


class ContractBroken(SourceFailure):
    code = "contract_broken"
    most_attempts = 3


class PullTruncated(SourceFailure):
    code = "pull_truncated"


class AnswerTooLarge(SourceFailure):
    code = "answer_too_large"


class TransientFailure(SourceFailure):
    """`retry_after`: seconds the provider asked us to wait, None if it did not say."""

    is_permanent = False
    most_attempts = 6

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(TransientFailure):
    code = "rate_limited"


class ProviderDown(TransientFailure):
    code = "provider_down"


class ProviderUnreachable(TransientFailure):
    code = "provider_unreachable"


class AnswerMoved(TransientFailure):
    code = "answer_moved"


class NotYetReported(TransientFailure):
    code = "not_yet_reported"
    most_attempts = 1

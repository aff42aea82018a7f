"""What a variable of the environment says, as a value; each raises SettingsError, which says what to write instead."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from orchestration.mail import Mailer, fault_of_sender, fault_of_server
from orchestration.outgoing.reaching import Network, networks
from warehouse.security.vault import Secret

SHORTEST_TOKEN = 24
STRIPE_RATE = 80.0


class SettingsError(Exception):
    """The environment does not say what is needed; the message names the variable and never its value."""


def listed(text: str | None) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def is_json(text: str | None) -> bool:
    """Whether logs are JSON."""
    if text not in (None, "json", "text"):
        raise SettingsError("MINUTEBOOK_LOGS is neither json nor text")
    return text == "json"


def tokens(text: str | None) -> tuple[str, ...]:
    """Tokens of /metrics, each too long to be guessed."""
    found = listed(text)
    if any(len(token) < SHORTEST_TOKEN or not token.isascii() for token in found):
        raise SettingsError("MINUTEBOOK_METRICS_TOKEN can be guessed: make one with `openssl rand -hex 24`")
    return found


def mailer_of(server: str | None, sender: str | None) -> Mailer | None:
    """Who sends mail; nobody without a server."""
    if server is None:
        return None
    if fault := fault_of_server(server):
        raise SettingsError(f"MINUTEBOOK_SMTP_URL {fault}")
    if sender is None or fault_of_sender(sender):
        raise SettingsError("MINUTEBOOK_MAIL_FROM is no sender; write one such as Minutebook <minutebook@example.com>")
    return Mailer(Secret(server), sender)


def networks_of(text: str | None) -> tuple[Network, ...]:
    """Private networks that events may be sent to."""
    try:
        return networks(text or "")
    except ValueError as error:
        raise SettingsError(f"MINUTEBOOK_ENDPOINT_NETWORKS: {error}; write networks such as 10.1.0.0/16") from None


def grace(text: str | None) -> timedelta | None:
    """The grace of Stripe's invoice settings."""
    if text is None:
        return None
    if not text.isdigit() or int(text) > 72:
        raise SettingsError(
            "MINUTEBOOK_STRIPE_GRACE_HOURS is no number of hours up to Stripe's longest; write one such as 72"
        )
    return timedelta(hours=int(text))


def rate(text: str | None) -> float:
    """Stripe's calls a second."""
    try:
        found = float(text or STRIPE_RATE)
    except ValueError:
        found = 0.0
    if not 0 < found <= 10_000:
        raise SettingsError("MINUTEBOOK_STRIPE_RATE is no number of calls a second; write one such as 80")
    return found


def count(name: str, what: str, text: str | None) -> int:
    """A number of processes or runs, 1 where none is said."""
    if text is None:
        return 1
    if not text.isdecimal() or not 0 < int(text) <= 256:
        raise SettingsError(f"MINUTEBOOK_{name} is no number of {what} from 1 to 256; write one such as 4")
    return int(text)


def is_shard(text: str | None) -> bool:
    """Whether partitions are of shards."""
    if text not in (None, "shard", "tenant"):
        raise SettingsError("MINUTEBOOK_PARTITIONS is neither tenant nor shard")
    return text == "shard"


def shard_tags(text: str | None) -> Mapping[str, Mapping[str, str]]:
    """Tags by shard."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, dict[str, str]])
    except msgspec.MsgspecError:
        raise SettingsError(
            'MINUTEBOOK_SHARD_TAGS is no JSON of texts, such as {"acme": {"dagster/priority": "5"}}'
        ) from None


def days(name: str, text: str | None) -> int | None:
    """A number of days."""
    if text is None:
        return None
    if not text.isdecimal() or not 0 < int(text) <= 36_500:
        raise SettingsError(f"MINUTEBOOK_{name} is no number of days from 1 on; write one such as 35")
    return int(text)

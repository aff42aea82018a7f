"""How long each kind of work may wait and hold: nothing waits without a bound.

Asked of every session where it is made, and read back (`warehouse.database.session`). Who must go on although a bound
was reached tries again; whoever waits for a few seconds is told for whom (`warehouse.database.waiting`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = "transaction_timeout"
"""The name of the one limit that PostgreSQL has from 17 on only, so that no startup option may ask for it."""
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


@dataclass(frozen=True)
class Limits:
    """Seconds: for a lock that another holds, of one statement, of a pause within a transaction, of a transaction."""

    lock: int
    statement: int
    pause: int
    transaction: int

    def settings(self) -> dict[str, str]:
        """By the names that every PostgreSQL knows, as it shows them."""
        return {
            "lock_timeout": _shown(self.lock),
            "statement_timeout": _shown(self.statement),
            "idle_in_transaction_session_timeout": _shown(self.pause),
        }

    @property
    def longest(self) -> str:
        """The value of `LONGEST`."""
        return _shown(self.transaction)


def _shown(seconds: int) -> str:
    for unit, size in _UNITS:
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


MINUTE, HOUR = 60, 3_600
OF_ROLES: Mapping[str, Limits] = {
    # Installs, rotates keys, gives out logins: a migration may have a large table to go through.
    "": Limits(10, 2 * HOUR, 10 * MINUTE, 4 * HOUR),
    # Lands a file of rows at a time; holds the lock of its attempt outside of any transaction.
    "minutebook_loader": Limits(30, 15 * MINUTE, 5 * MINUTE, 30 * MINUTE),
    # Makes one model at a time, all history from scratch at worst.
    "minutebook_transformer": Limits(30, 2 * HOUR, 10 * MINUTE, 4 * HOUR),
    # Commits before each call of Stripe, and holds nothing meanwhile.
    "minutebook_billing": Limits(30, 10 * MINUTE, 5 * MINUTE, 30 * MINUTE),
    # Its transaction may be open while a person types a secret.
    "minutebook_operator": Limits(15, 15 * MINUTE, 10 * MINUTE, HOUR),
    # An export of all there is; what is served has narrower limits for each kind of work (orchestration.web.server).
    "minutebook_analyst": Limits(10, 30 * MINUTE, 2 * MINUTE, HOUR),
    "minutebook_tenant": Limits(10, 30 * MINUTE, 2 * MINUTE, HOUR),
    "minutebook_server": Limits(5, 30, MINUTE, 2 * MINUTE),
    "minutebook_intake": Limits(5, 30, MINUTE, 2 * MINUTE),
    "minutebook_automations": Limits(5, 30, MINUTE, 2 * MINUTE),
}
OF_DAGSTER = Limits(30, 10 * MINUTE, 5 * MINUTE, 30 * MINUTE)
OF_PEOPLE = Limits(10, 15 * MINUTE, 5 * MINUTE, 30 * MINUTE)
"""Of logins of people and their tools. A login may change its own settings: `ledger.end_old_readers` comes besides."""
# A server or a network that is gone without a word is noticed within about a minute.
OF_THE_NETWORK: Mapping[str, str] = {
    "connect_timeout": "15",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
# Asked of the server, whose own default is hours: a client that is gone without a word, with its machine or its
# network, holds its locks, and so its claims, for half a minute more. A Unix socket has no such thing, so it is not
# read back.
OF_THE_SERVER: Mapping[str, str] = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

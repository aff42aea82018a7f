"""The known-answer tenant: a month in the past whose bill was worked out by hand, computed anew by every build.

Owns the tenant `canary`, its plan, meters and pulls. A difference means that what statements say cannot be trusted, so
a check turns red and nothing is posted.
"""

from warehouse.connect import Role, connect
from warehouse.control.changes import Connection, Row, execute, first, rows

FILE = "canary"


def install(url: str, actor: str) -> bool:
    """Write the canary's control data and pulls; safe to repeat. Returns whether anything was written."""
    with connect(url, Role.OPERATOR, actor=actor) as operator:
        credits_written = execute(operator, FILE, "write_control")
    with connect(url, Role.LOADER, actor=actor) as loader:
        return bool(credits_written + execute(loader, FILE, "write_pulls"))


def is_installed(connection: Connection) -> bool:
    """Whether there is a canary."""
    row = first(connection, FILE, "is_installed")
    return row is not None and bool(row["is_installed"])


def differences(connection: Connection) -> list[Row]:
    """Lines of the canary's statement that are not what they are known to be; none where none is installed."""
    return rows(connection, FILE, "differences") if is_installed(connection) else []

"""Somebody else's Postgres: read only, one moment per connection, and rows that do not depend on where we run."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from sources.errors import CredentialRejected, ProviderDown, ProviderRefused, ProviderUnreachable, SourceFailure

SESSION = text(files("sources").joinpath("database.sql").read_text())


def open_engine(name: str, url: str, password: str | None = None) -> Engine:
    """A pool of read-only, repeatable-read connections, shared by threads; dispose() it. `name` is what messages call
    the database, `password` that of a URL without one. ProviderRefused for an unreadable URL.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() not in ("postgresql", "postgres"):
            raise ProviderRefused(f"The {name} is a {address.get_backend_name()} one; only Postgres is read")
        if password is not None:
            address = address.set(password=password)
        return create_engine(
            address.set(drivername="postgresql+psycopg"),
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            connect_args={"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000},
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except (ArgumentError, ValueError):
        raise ProviderRefused(f"The {name}'s URL is not readable as postgresql://user:password@host/name") from None


@contextmanager
def connected(name: str, engine: Engine) -> Iterator[Connection]:
    """One transaction: all that is read in it is of one moment. Raises SourceFailure."""
    try:
        with engine.connect() as connection:
            for setting, wanted, is_now in connection.execute(SESSION):
                if is_now != wanted:
                    raise ProviderRefused(f"The {name} keeps {setting} at {is_now}, and we need {wanted}")
            yield connection
    except SQLAlchemyError as error:
        raise _failure(name, error) from None


def _failure(name: str, error: SQLAlchemyError) -> SourceFailure:
    """By Postgres' class of error (appendix A of its manual); the message is Postgres' own, which names no password."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    said = " ".join(str(cause or error).split())[:300]
    state = getattr(cause, "sqlstate", None) or ""
    if state.startswith("28") or state == "42501" or "authentication failed" in said:
        return CredentialRejected(f"The {name} rejects us: {said}")
    if state.startswith(("42", "3D", "22")):
        return ProviderRefused(f"The {name} refuses the question: {said}")
    if state:
        return ProviderDown(f"The {name} failed: {said}")
    return ProviderUnreachable(f"The {name} does not answer: {said}")

"""Bringing a database to this release and to the sources that are registered here."""

from sources.contracts import CONTRACTS
from sources.registry import all_sources
from warehouse import install as warehouse
from warehouse.database.connect import Role, connect
from warehouse.sources import registering


def install(url: str) -> list[str]:
    """Migrate and register every source; the names of migrations applied now. Safe to repeat. Raises WarehouseError."""
    return warehouse.install(url, list(all_sources().values()), CONTRACTS.values())


def ensure_registered(url: str) -> None:
    """Register sources that this process knows and the database does not: a package was installed since.

    One question where there is none. Raises WarehouseError where the owner's rights are needed and not to be had.
    """
    declared = list(all_sources().values())
    with connect(url, Role.LOADER) as connection:
        if registering.is_registered(connection, declared):
            return
    install(url)

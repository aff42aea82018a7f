"""What can go wrong in the warehouse; a message names the thing, a hint what to do, and neither carries a secret.

WarehouseError
├── EmbeddedServerError     the embedded PostgreSQL cannot start
├── DatabaseUnreachable     wrong address, wrong password, no such database, server down
├── DatabaseUnsuitable      too old, or the user has too few rights
├── MigrationError
│   ├── MigrationEdited     an applied migration is not the one in this release
│   ├── MigrationMissing    the database was not migrated to this release yet
│   └── MigrationUnknown    the database was migrated by a newer release
├── LandingFailed           rows did not land; nothing of them is read
├── PullNotPublishable      a pull is no longer its attempt's, or other rows landed than were read
└── VaultError
    ├── CredentialMissing   nothing stored for this tenant and provider
    └── MasterKeyMissing    stored under a master key that is not configured
"""

from collections.abc import Mapping

from warehouse.finding import Hint


class WarehouseError(Exception):
    """Base of everything this package raises on purpose. hint: what a person does about it, for a surface to word."""

    def __init__(self, message: str = "", hint: Hint | None = None) -> None:
        self.hint = hint
        super().__init__(message)


class EmbeddedServerError(WarehouseError):
    """The embedded PostgreSQL cannot start."""


class DatabaseUnreachable(WarehouseError):
    """No connection: address, password, database name or server."""


class DatabaseUnsuitable(WarehouseError):
    """The server is too old, or its user has too few rights."""


class MigrationError(WarehouseError):
    """A migration cannot be applied."""


class MigrationEdited(MigrationError):
    """An applied migration differs from this release, or one was put before it."""


class MigrationMissing(MigrationError):
    """This release has migrations that the database does not hold yet."""


class MigrationUnknown(MigrationError):
    """The database holds migrations that this release does not have."""


class DeclarationRefused(WarehouseError):
    """A source declares what its raw table cannot become without losing what stands in it."""


class LandingFailed(WarehouseError):
    """Rows did not land. Whatever part did belongs to no published pull, so nobody reads it."""


class PullNotPublishable(WarehouseError):
    """A pull was taken over, or the rows that landed are not the rows that were read. `refused`: why, per pull id."""

    def __init__(self, refused: Mapping[int, str]) -> None:
        self.refused = dict(refused)
        pull_id, why = next(iter(self.refused.items()))
        others = f" {len(self.refused) - 1} more of the same batch are refused too." if len(self.refused) > 1 else ""
        super().__init__(
            f"Pull {pull_id} is not published: {why}.{others} Nothing of the batch changed; pull it again."
        )


class VaultError(WarehouseError):
    """A secret cannot be sealed or opened."""


class CredentialMissing(VaultError):
    """No live credential is stored for this tenant and provider."""


class MasterKeyMissing(VaultError):
    """A secret was stored under a master key that is not configured."""

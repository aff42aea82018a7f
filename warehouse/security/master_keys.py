"""Master keys: 32 random bytes each, written in base64; they wrap the vault's data keys and are stored in no database.

`MINUTEBOOK_MASTER_KEYS` holds one or more, newest first, separated by commas: make one with `openssl rand -base64 32`.
To rotate, put a new one in front, restart what runs, rewrap, and take the old one out. A key's id is derived from it.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from warehouse.database.errors import MasterKeyMissing, VaultError
from warehouse.security.encryption import seal, unseal

KEY_BYTES = 32


class WrappingKey(Protocol):
    """What the vault asks of a master key. A cloud's KMS that never hands its key out is one class of this shape."""

    @property
    def key_id(self) -> str:
        """Names the key in control.data_keys, and reveals nothing about it."""

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        """Seal a data key, authenticated together with bound_to."""

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """The data key that was wrapped. Raises VaultError where anything differs."""


KeyProvider = Callable[[], Sequence[WrappingKey]]
"""Gives the master keys, newest first: those of the environment, of a file, or of a service."""


@dataclass(frozen=True)
class MasterKey:
    """One master key. key_id names it without revealing anything about it."""

    key: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        return hmac.digest(self.key, b"minutebook master key id", hashlib.sha256)[:8].hex()

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        """The data key, sealed by this key and bound to its row."""
        return seal(self.key, data_key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """The data key. Raises VaultError where it was edited or moved."""
        return unseal(self.key, wrapped, bound_to)

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id})"

    def encoded(self) -> str:
        """The base64 text that `parse` reads."""
        return base64.b64encode(self.key).decode()

    @classmethod
    def generate(cls) -> "MasterKey":
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str, name: str = "A master key") -> "MasterKey":
        """A key from base64, standard or URL-safe. Raises VaultError, which does not quote it, when it is none."""
        standard = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
        try:
            key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise VaultError(f"{name} is not base64 of {KEY_BYTES} bytes: make one with `openssl rand -base64 32`.")
        return cls(key)


def parse_master_keys(text: str) -> tuple[MasterKey, ...]:
    """Master keys, newest first, separated by commas or white space.

    Raises:
        MasterKeyMissing: there is none. VaultError: one is not base64 of 32 bytes; says which one, not what it is.
    """
    parts = text.replace(",", " ").split()
    if not parts:
        raise MasterKeyMissing("No master key is given: make one with `openssl rand -base64 32`.")
    return tuple(MasterKey.parse(part, f"Master key number {number}") for number, part in enumerate(parts, start=1))


def master_keys_of_file(path: Path) -> tuple[MasterKey, ...]:
    """The master keys of a file, such as a mounted secret, written as in the environment.

    Raises:
        MasterKeyMissing: there is no such file, or nothing in it. VaultError: every user of the machine may read it.
    """
    try:
        if path.stat().st_mode & stat.S_IROTH:
            raise VaultError(f"Every user may read the master keys in {path}: chmod 0400 it, as its owner.")
        return parse_master_keys(path.read_text())
    except OSError as error:
        raise MasterKeyMissing(f"The master keys in {path} cannot be read: {error.strerror}.") from None


def generated_master_keys(path: Path) -> tuple[MasterKey, ...]:
    """The master keys of the file at path, which is made with one new key (mode 0600) where there is none.

    For the embedded server only: there the file lies beside the data anyway. Two processes at once end up with one key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(MasterKey.generate().encoded() + "\n")
        try:
            os.link(unfinished, path)
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    return parse_master_keys(path.read_text())

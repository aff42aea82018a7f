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
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.errors import MasterKeyMissing, VaultError

KEY_BYTES = 32


@dataclass(frozen=True)
class MasterKey:
    """One master key. key_id names it without telling anything about it."""

    key: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        return hmac.digest(self.key, b"minutebook master key id", hashlib.sha256)[:8].hex()

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

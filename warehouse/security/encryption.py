"""How a value is sealed: AES-256-GCM, bound to the place of its row, so that one edited or moved does not open.

A sealed value is a version byte, a 12-byte nonce, and the ciphertext with its 16-byte tag.
"""

import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warehouse.database.errors import VaultError
from warehouse.finding import Hint, Step

_VERSION = b"\x01"
_NONCE_BYTES = 12


def binding(place: str, *row: object) -> bytes:
    """What a value is bound to: its table, and what distinguishes its row from others."""
    return json.dumps([place, *row]).encode()


def seal(key: bytes, value: bytes, bound_to: bytes) -> bytes:
    """value under a 32-byte key, under a nonce of its own."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, value, bound_to)


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """The value that was sealed. Raises VaultError where key, binding or a single bit differ."""
    sealed = bytes(sealed)
    if sealed[:1] == _VERSION and len(sealed) > 1 + _NONCE_BYTES:
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, bound_to)
        except InvalidTag:
            pass
    place, *row = json.loads(bound_to)
    raise VaultError(
        f"A row of {place} does not open ({', '.join(str(value) for value in row)}): it was edited, or moved from"
        " another row. See the audit log, then store the secret again",
        Hint(Step.SET_CREDENTIAL),
    )

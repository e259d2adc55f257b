"""The server's signing key, Ed25519 (RFC 8032), and the public keys that it ever signed with."""

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from nacl.signing import SigningKey, VerifyKey

PRIVATE, PUBLIC = "signing_key", "signing_keys"
"""A file, and a folder of ``<key id>.pem``, in the state folder."""
_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What a SubjectPublicKeyInfo of Ed25519 begins with (RFC 8410); the 32 bytes of the key follow."""
_BLOCK = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)
_SEED_BYTES = 32


class KeyRefused(Exception):
    """What should be a key is none; the text says what was found, and what to do."""


def signing_key(state: Path) -> SigningKey:
    """The one in the state folder, made (mode 0600) where there is none yet. Its public key is put
    to those that are kept. Raises KeyRefused."""
    path = state / PRIVATE
    if not path.exists():
        _make(path)
    try:
        key = SigningKey(base64.b64decode(path.read_bytes(), validate=True))
    except (ValueError, TypeError) as error:
        raise KeyRefused(
            f"{path} holds no Ed25519 key ({error}). Put back the copy of your backup; or remove "
            "it, and the server makes a new one at its next start."
        ) from None
    _keep(state / PUBLIC, key.verify_key)
    return key


def public_keys(state: Path) -> tuple[VerifyKey, ...]:
    """The present one first, then those from before it was changed. Raises KeyRefused."""
    present = signing_key(state).verify_key
    kept = sorted((state / PUBLIC).glob("*.pem"))
    older = [key for path in kept for key in read_pems(path.read_text("utf-8"), str(path))]
    return (present, *(key for key in older if key != present))


def key_id(key: VerifyKey) -> str:
    """SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(bytes(key)).hexdigest()


def pem_of(key: VerifyKey) -> str:
    """As ``openssl pkey -pubin`` reads it."""
    return (
        "-----BEGIN PUBLIC KEY-----\n"
        f"{base64.b64encode(_SPKI + bytes(key)).decode()}\n"
        "-----END PUBLIC KEY-----\n"
    )


def pems_of(keys: Iterable[VerifyKey]) -> str:
    """A file of them, each below its id."""
    return "".join(f"Key {key_id(key)}\n{pem_of(key)}" for key in keys)


def read_pems(text: str, name: str) -> tuple[VerifyKey, ...]:
    """Every public key of a PEM file; what stands around them is skipped. Raises KeyRefused."""
    found = tuple(_read(block, name) for block in _BLOCK.findall(text))
    if not found:
        raise KeyRefused(
            f"{name} holds no public key in PEM (-----BEGIN PUBLIC KEY-----). Take the file that "
            "the server gives at /signing-key/."
        )
    return found


def _read(block: str, name: str) -> VerifyKey:
    try:
        content = base64.b64decode("".join(block.split()), validate=True)
    except binascii.Error:
        content = b""
    if not content.startswith(_SPKI) or len(content) != len(_SPKI) + _SEED_BYTES:
        raise KeyRefused(
            f"{name} holds a public key that is not of Ed25519. Take the file that the server "
            "gives at /signing-key/."
        )
    return VerifyKey(content[len(_SPKI) :])


def _make(path: Path) -> None:
    _write(path, base64.b64encode(bytes(SigningKey.generate())), mode=0o600)


def _keep(folder: Path, key: VerifyKey) -> None:
    path = folder / f"{key_id(key)}.pem"
    if not path.exists():
        folder.mkdir(mode=0o755, exist_ok=True)
        _write(path, pem_of(key).encode(), mode=0o644)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """All of it or nothing, and never over what another process wrote first."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # by another process, at this moment
    finally:
        draft.unlink()

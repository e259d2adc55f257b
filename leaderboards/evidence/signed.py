"""``evidence.json``: a statement and its signature, and whether the one holds for the other.

Signed are the bytes ``uptake-evidence/1``, a line break, and the statement as JSON in ASCII with
sorted keys and no spaces, numbers as Python writes them; so the file may be laid out anyhow.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from leaderboards.evidence.keys import key_id

FORMAT, ALGORITHM = "uptake-evidence/1", "Ed25519"
MOST_BYTES = 64 * 1024**2
_SIGNATURE_BYTES = 64

Statement = dict[str, Any]


class Unreadable(Exception):
    """No evidence, or of a format that is not known here; the text says what was found."""


class WrongKey(Exception):
    """Signed with a key that is none of the given ones."""


class Changed(Exception):
    """The signature is not of this statement."""


def signed(statement: Statement, key: SigningKey) -> dict[str, Any]:
    """The document; of the same statement and key always the same."""
    return {
        "format": FORMAT,
        "statement": statement,
        "signature": {
            "algorithm": ALGORITHM,
            "key": key_id(key.verify_key),
            "value": base64.b64encode(key.sign(_payload(statement)).signature).decode(),
        },
    }


def written(document: Mapping[str, Any]) -> str:
    """As a file, for people to read too."""
    return json.dumps(document, indent=1, allow_nan=False, sort_keys=True) + "\n"


def key_named(document: Mapping[str, Any]) -> str:
    """The id of the key that it says it is signed with."""
    return str(document["signature"]["key"])


def read(content: bytes) -> dict[str, Any]:
    """A document as ``signed`` makes it; nothing is said of its signature. Raises Unreadable."""
    if len(content) > MOST_BYTES:
        raise Unreadable(f"it has more than {MOST_BYTES // 1024**2} MiB, which no evidence has")
    try:
        found = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise Unreadable("it is nested deeper than any evidence") from None
    except ValueError as error:
        raise Unreadable(f"it is no JSON: {error}") from None
    if not isinstance(found, dict) or "format" not in found:
        raise Unreadable(f"it names no format; “{FORMAT}” is expected")
    if found["format"] != FORMAT:
        raise Unreadable(
            f"its format is {str(found['format'])[:60]!r}; this version knows {FORMAT!r}. A newer "
            "Uptake may read it"
        )
    signature = found.get("signature")
    if not isinstance(found.get("statement"), dict) or not isinstance(signature, dict):
        raise Unreadable("its statement or its signature is missing")
    if signature.get("algorithm") != ALGORITHM or not isinstance(signature.get("key"), str):
        raise Unreadable(f"its signature is not one of {ALGORITHM} with the id of a key")
    return found


def verify(document: Mapping[str, Any], keys: Iterable[VerifyKey]) -> VerifyKey:
    """The key with which ``read``'s document was signed. Raises WrongKey, Changed."""
    named = key_named(document)
    by_id = {key_id(key): key for key in keys}
    if named not in by_id:
        raise WrongKey(
            f"It says that it is signed with key {named[:64]}, which is none of those given: "
            f"{', '.join(by_id) or 'none'}."
        )
    try:
        signature = base64.b64decode(document["signature"].get("value", ""), validate=True)
        if len(signature) != _SIGNATURE_BYTES:
            raise Changed(f"The signature has {len(signature)} bytes; {_SIGNATURE_BYTES} make one.")
        by_id[named].verify(_payload(document["statement"]), signature)
    except (BadSignatureError, binascii.Error, TypeError, ValueError):
        raise Changed(
            "The signature does not hold: the statement is not what the server signed."
        ) from None
    return by_id[named]


def _payload(statement: Statement) -> bytes:
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{FORMAT}\n{text}".encode("ascii")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Two readers could take two different values for signed.
        raise ValueError("an object holds the same name twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")

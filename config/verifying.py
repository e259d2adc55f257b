"""Verify offline what a platform signed: that a result's evidence is as the server made it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console

if TYPE_CHECKING:
    from nacl.signing import VerifyKey

console = Console(highlight=False)
CHANGED, UNREADABLE, WRONG_KEY, NO_KEY = 1, 3, 4, 5
_SIGNING_KEY = "/signing-key/"
_SECONDS = 20
_MOST_KEY_BYTES = 1024**2


def verify(
    evidence: Annotated[Path, typer.Argument(help="evidence.json, as a result's page gives it.")],
    key: Annotated[
        str,
        typer.Option(
            help="The server's public key: a file, or the address of its /signing-key/. By "
            "default asked of the server that the evidence names."
        ),
    ] = "",
) -> None:
    """Tell what a result's evidence states, and whether its signature holds.

    Exit status 0: it holds; 1: the file was changed; 3: it is no evidence that can be read; 4: it
    is signed with another key; 5: the key could not be had.
    """
    from leaderboards.evidence.keys import key_id
    from leaderboards.evidence.signed import (
        MOST_BYTES,
        Changed,
        Unreadable,
        WrongKey,
        read,
    )
    from leaderboards.evidence.signed import verify as verified

    try:
        with evidence.open("rb") as file:
            document = read(file.read(MOST_BYTES + 1))
    except OSError as error:
        _end(UNREADABLE, f"{evidence}: {error.strerror or error}.")
    except Unreadable as error:
        _end(UNREADABLE, f"{evidence} is no evidence that can be read: {error}.")
    keys, whence = _keys(key, document["statement"])
    try:
        used = verified(document, keys)
    except WrongKey as error:
        _end(WRONG_KEY, f"Not verified. {error}")
    except Changed as error:
        _end(CHANGED, f"Not verified. {error}")
    for name, value in _told(document["statement"]):
        _say(f"{name}: {value}")
    _say(f"The signature holds: all of this was signed with key {key_id(used)} of {whence}.")
    if not key:
        _say(
            "That key was asked of the server that the file itself names. Make sure that it is the "
            "one you mean, or give --key."
        )


def _keys(named: str, statement: Mapping[str, Any]) -> tuple[tuple["VerifyKey", ...], str]:
    """And where they are from, in words."""
    from leaderboards.evidence.keys import KeyRefused, read_pems

    where = named or f"{statement.get('server', '')}{_SIGNING_KEY}"
    try:
        if named and not named.startswith(("http://", "https://")):
            with Path(named).open("rb") as file:
                content = file.read(_MOST_KEY_BYTES)
        else:
            content = _fetched(where)
        return read_pems(content.decode("utf-8", "replace"), where), where
    except OSError as error:
        _end(NO_KEY, f"The key could not be read: {where}: {error.strerror or error}.")
    except KeyRefused as error:
        _end(NO_KEY, f"The key could not be used: {error}")


def _fetched(address: str) -> bytes:
    import httpx

    if urlsplit(address).scheme not in ("http", "https"):
        _end(NO_KEY, f"The evidence names no server ({address!r}): give its public key with --key.")
    content = b""
    try:
        with httpx.stream("GET", address, timeout=_SECONDS) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                content += part
                if len(content) > _MOST_KEY_BYTES:
                    _end(NO_KEY, f"{address} gives more than a list of keys.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _end(NO_KEY, f"The key could not be had from {address}: {error}. Give a file with --key.")
    return content


def _told(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Each statement on a line of its own, by its dotted name."""
    if isinstance(value, dict) and value:
        for key in value:
            yield from _told(value[key], f"{name}.{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for at, one in enumerate(value, start=1):
            yield from _told(one, f"{name}[{at}]")
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def _say(text: str) -> None:
    signs = (sign if sign.isprintable() else "�" for sign in text)
    console.print("".join(signs), markup=False, soft_wrap=True)


def _end(status: int, text: str) -> NoReturn:
    _say(text)
    raise typer.Exit(status)

"""The commands of whoever hosts a platform for years: back it up, and put it back."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from config.environment import load_django
from config.failing import fail

_EVERY_BYTES = 1 << 30
console = Console(stderr=True, highlight=False)
"""Of a backup to “-”, the standard output is the backup."""


def backup(
    file: Annotated[str, typer.Argument(help="Where to; - for the standard output.")],
) -> None:
    """Write database, files and keys into one file, while the platform serves."""
    settings = load_django()
    from config.backups import BackupRefused, back_up

    try:
        with _written(file) as target:
            kept = back_up(target, settings.state, _Told())
    except (BackupRefused, OSError) as refusal:
        raise fail(refusal) from None
    console.print(
        f"{kept.files} files, {_size(kept.bytes)}. It holds the keys and hidden cases: whoever has "
        "it has them."
    )
    for name in kept.missing:
        console.print(f"[red]missing[/] {escape(name)}: the database names it, and it is not there")
    if kept.missing:
        raise typer.Exit(1)


def restore(
    file: Annotated[str, typer.Argument(help="A backup; - for the standard input.")],
) -> None:
    """Put a backup back, onto a platform that is empty and not running."""
    settings = load_django()
    from config.backups import BackupRefused
    from config.backups import restore as put_back
    from config.supervisor import StartRefused, only_one

    try:
        with only_one(settings.state), _read(file) as source:
            head = put_back(source, settings.state, _Told())
    except (BackupRefused, StartRefused, OSError) as refusal:
        raise fail(refusal) from None
    console.print(
        f"Restored as of {head.made_at}, of version {head.version}. Imports that were under way "
        "are cancelled. ./uptake up starts it."
    )


@contextmanager
def _written(name: str) -> Iterator[IO[bytes]]:
    """A file that is there whole, or not at all."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    if path.exists():
        raise FileExistsError(f"{path} exists; name a new file.")
    partial = path.with_name(f"{path.name}.partial")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def _read(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


class _Told:
    """Says how far it is, once for each GiB."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, size: int) -> None:
        if size // _EVERY_BYTES > self._said:
            self._said = size // _EVERY_BYTES
            console.print(f"{_size(size)} …")


def _size(size: int) -> str:
    from django.template.defaultfilters import filesizeformat

    return filesizeformat(size).replace("\xa0", " ")

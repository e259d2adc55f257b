"""A design document as PDF, set by Typst in a process of its own."""

import json
import subprocess
import sys
from datetime import UTC, datetime, time
from functools import lru_cache
from pathlib import Path

from challenges.designing.document import Document

TEMPLATE = Path(__file__).resolve().parents[2] / "templates" / "challenges" / "design.typ"
LARGEST_BYTES = 4 * 1024**2
"""Of a document as JSON; 200 pages take about 1 MiB."""
SECONDS = 20
MEMORY_BYTES = 2 * 1024**3
_TYPESETTER = Path(__file__).with_name("typesetter.py")


class NotSet(Exception):
    """A document that could not be set as PDF: what is wrong, and what to do instead."""


def typeset(document: Document) -> bytes:
    """The PDF; of the same document the same bytes, as long as the host has the same fonts.

    Raises NotSet where it is too large or takes too long. Fonts are those of Typst; the host's
    serve where these lack a character.
    """
    text = json.dumps(document.to_json(), ensure_ascii=False)
    size = len(text.encode())
    if size > LARGEST_BYTES:
        raise NotSet(
            f"The document has {size / 1024**2:.1f} MiB of text; at most "
            f"{LARGEST_BYTES // 1024**2} MiB can be set as PDF. Print the page instead, or shorten "
            "its longest texts."
        )
    return _run(_order(document, text))


def _order(document: Document, text: str) -> str:
    midnight = datetime.combine(document.dated, time(), tzinfo=UTC)
    return json.dumps(
        {
            "template": str(TEMPLATE),
            "document": text,
            "timestamp": midnight.timestamp(),
            "memory_bytes": MEMORY_BYTES,
            "seconds": SECONDS,
        }
    )


@lru_cache(maxsize=16)
def _run(order: str) -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_TYPESETTER)],
            input=order.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise NotSet(
            f"Setting the PDF took longer than {SECONDS} s and was stopped. Print the page instead."
        ) from None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()[-500:]
        raise NotSet(
            f"The PDF could not be set (status {done.returncode}): {reason or 'no reason given'}. "
            "Print the page instead, and tell the operator of this server."
        )
    return done.stdout

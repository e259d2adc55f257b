"""The process that sets a document as PDF: by itself, so that its time and memory have an end.

Started by path and isolated (``python -I``), it knows nothing of the project. It reads one JSON
object from standard input (template: a path; document: JSON text; timestamp: seconds since 1970,
UTC; memory_bytes, seconds) and writes the PDF to standard output. What users wrote reaches the
template as data alone, and the template reads no file. Exit status 3: the template or the document
could not be set; the reason is on standard error.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import typst

REFUSED = 3
_NO_GLYPH = "could not be displayed with font"


def main() -> int:
    order: dict[str, Any] = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"], order["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (order["seconds"], order["seconds"]))
    try:
        sys.stdout.buffer.write(_set(order))
    except typst.TypstError as error:
        sys.stderr.write(str(error))
        return REFUSED
    return 0


def _set(order: dict[str, Any]) -> bytes:
    """As PDF/UA-1, which every reader of screens can read. It demands a glyph for each character;
    where no font has one the document is set without that promise, and says so on its first page.
    """
    try:
        return _compile(order, standards=["ua-1"], unset="")
    except typst.TypstError as error:
        if _NO_GLYPH not in str(error):
            raise
    return _compile(order, standards=[], unset="yes")


def _compile(order: dict[str, Any], *, standards: list[Any], unset: str) -> bytes:
    template = Path(order["template"])
    made = typst.compile(
        template,
        root=template.parent,
        sys_inputs={"document": order["document"], "unset": unset},
        pdf_standards=standards,
        timestamp=int(order["timestamp"]),
    )
    if not isinstance(made, bytes):
        raise TypeError(f"typst gave {type(made).__name__} and not one PDF")
    return made


if __name__ == "__main__":
    sys.exit(main())

"""Which paths of an image a submission may ask to write to."""

import posixpath
from collections.abc import Sequence

from submissions.sandbox.volumes import MOST, declared_volumes, refused_volumes


def refused_paths(paths: Sequence[str]) -> str:
    """Why these cannot be made writable; nothing where they can."""
    strange = [path for path in paths if not path.startswith("/") or not path.isprintable()]
    refused = [*strange, *refused_volumes(path for path in paths if path not in strange)]
    refused += [path for path in paths if posixpath.normpath(path).lstrip("/") == "input"]
    if len(declared_volumes(paths)) > MOST:
        return f"At most {MOST} folders can be made writable."
    if not refused:
        return ""
    return (
        f"No run can write to {', '.join(refused)}. Name folders of the image from its root, as "
        "/opt/algorithm; not the root itself, nor a place of the system."
    )

"""An untrusted image's archive, judged by hand before an engine sees it.

`canonicalise` reads what `docker save` and its kin write, as a stream and without extracting
anything, and rewrites it to one untagged docker-archive. What it refuses, it refuses with
`ArchiveRefused`.
"""

from .beginning import judge_beginning
from .canonical import canonicalise
from .model import ArchiveLimits, ArchiveRefused, Code, ImageConfig, InspectedImage

__all__ = [
    "ArchiveLimits",
    "ArchiveRefused",
    "Code",
    "ImageConfig",
    "InspectedImage",
    "canonicalise",
    "judge_beginning",
]

"""How alike two masks are, from small sketches of each, without reading either again.

A sketch holds the smallest hashes of the drawn voxels. Of two masks, the share of the smallest
hashes of their union that both hold estimates their Jaccard index (Broder 1997: min-wise
independent permutations), with a standard error of √(J(1−J)/SIZE), 0.005 at J = 0.98.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.masks import DrawnMask

SIZE = 1024
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def sketch(labels: NDArray[np.uint8]) -> bytes:
    """Of label values ``[z, y, x]``: drawn voxels count with their label. Empty masks: no bytes."""
    drawn = np.flatnonzero(labels)
    if drawn.size == 0:
        return b""
    keys = drawn.astype(np.uint64) * np.uint64(256) + labels.ravel()[drawn]
    hashes = _mixed(keys)
    if hashes.size > SIZE:
        hashes = np.partition(hashes, SIZE - 1)[:SIZE]
    return np.sort(hashes).astype("<u8").tobytes()


@dataclass(frozen=True)
class Likeness:
    """dice: 0 to 1; None where both masks are empty, which says nothing."""

    dice: float | None


def likeness(first: bytes, second: bytes) -> Likeness:
    """Estimated from two sketches of masks on the same grid; exact where both masks have no more
    voxels than a sketch holds."""
    if not first and not second:
        return Likeness(None)
    one, other = (np.frombuffer(each, "<u8") for each in (first, second))
    both = np.sort(np.concatenate([one, other]))
    again = np.flatnonzero(both[1:] == both[:-1]) + 1  # the second of each hash that both hold
    union = both.size - again.size
    # A mask with fewer voxels than a sketch holds is known whole.
    known = SIZE if max(one.size, other.size) == SIZE else union
    # Each repeat stands after its first, so it is the (place − repeats before it)-th of the union.
    shared = np.count_nonzero(again - np.arange(1, again.size + 1) < known)
    jaccard = shared / known
    return Likeness(float(2 * jaccard / (1 + jaccard)))


def exact_likeness(first: DrawnMask, second: DrawnMask) -> Likeness:
    """Of two masks on the same grid: 2·|A∩B| / (|A| + |B|), where the label has to agree too."""
    total = first.voxels.size + second.voxels.size
    if total == 0:
        return Likeness(None)
    _, one, other = np.intersect1d(
        first.voxels, second.voxels, assume_unique=True, return_indices=True
    )
    agreeing = np.count_nonzero(first.labels[one] == second.labels[other])
    return Likeness(float(2 * agreeing / total))


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): each bit of the key reaches each other."""
    with np.errstate(over="ignore"):
        for shift, multiplier in zip((30, 27), _MULTIPLIERS, strict=True):
            keys = (keys ^ (keys >> np.uint64(shift))) * multiplier
    return keys ^ (keys >> np.uint64(31))

"""Missed and false lesions of a kept mask, as a file that the viewer reads.

Made anew each time it is asked for: reading both masks, matching and writing take about 0.1 s of a
whole body (200 × 200 × 448 voxels, 112 lesions), and a browser keeps what it was given.
"""

import hashlib
from pathlib import Path

from challenges.models import Edition, Reference
from evaluation.marked import least_iou, marked
from evaluation.masks import read_mask
from evaluation.volumes import Volume, write_mha
from leaderboards.cases import spec_of
from submissions.models import Prediction


def verdict_of(reference: Reference, prediction: Prediction | None, edition: Edition) -> bytes:
    """A MetaImage of ``evaluation.marked`` on the reference's grid. prediction: None for a failure,
    so that every lesion is missed."""
    spec = spec_of(edition)
    labels = sorted(spec.labels.values())
    held = read_mask(Path(reference.file.path), None, labels)
    drawn = (
        read_mask(Path(prediction.file.path), held.geometry, labels)
        if prediction is not None
        else None
    )
    return write_mha(Volume(marked(held, drawn, labels, least_iou(spec)), held.geometry))


def etag_of(reference: Reference, prediction: Prediction | None, edition: Edition) -> str:
    """The same for the same masks under the same rules."""
    drawn = prediction.sha256 if prediction is not None else "none"
    parts = f"{reference.sha256} {drawn} {edition.specification_hash} {edition.scorer_version}"
    return f'"{hashlib.sha256(parts.encode()).hexdigest()}"'

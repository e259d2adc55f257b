"""A challenge whose readers drew nested blocks, so that every score can be counted by hand."""

from pathlib import Path

import numpy as np

from challenges.services.importing import import_challenge
from evaluation.volumes import Volume, write_mha
from tests.factories import a_phase, a_user
from tests.scans import GRID, write_challenge

WHOLE, HALF, QUARTER, NOTHING = 48, 24, 12, 0
"""Voxels of the block in the PET, which is what a threshold of 2.5 finds, and of its parts."""
_PARTS = {
    WHOLE: np.s_[2:5, 3:7, 4:8],
    HALF: np.s_[2:5, 3:7, 4:6],
    QUARTER: np.s_[2:5, 3:5, 4:6],
    NOTHING: np.s_[0:0, 0:0, 0:0],
}


def block(voxels: int) -> Volume:
    mask = np.zeros(GRID.shape, np.uint8)
    mask[_PARTS[voxels]] = 1
    assert mask.sum() == voxels
    return Volume(mask, GRID)


def write_readings(folder: Path, *readings: tuple[int, ...], slug="read", **overrides) -> Path:
    """readings: for each reader, called A, B and so on, the voxels drawn in each case."""
    readers = [
        {"name": "ABCDE"[number], "file": f"reader-{number}"} for number in range(len(readings))
    ]
    evaluation = {"metrics": ["dice", "mtv_abs_error_ml"]}
    path = write_challenge(
        folder / slug,
        slug=slug,
        cases=len(readings[0]),
        readers=readers,
        **{"evaluation": evaluation, **overrides},
    )
    for number, drawn in enumerate(readings):
        for case, voxels in enumerate(drawn, start=1):
            target = path / f"case-{case}" / f"reader-{number}.mha"
            target.write_bytes(write_mha(block(voxels)))
    return path


def a_phase_read_by(folder: Path, *readings: tuple[int, ...], **options):
    """readings and options: as of ``write_readings``."""
    path = write_readings(folder, *readings, **options)
    challenge, _ = import_challenge(folder=path, organiser=a_user("organiser"))
    return a_phase(challenge)

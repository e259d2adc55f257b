"""Which patients count how often in each resample of a bootstrap."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import RankingRefused
from evaluation.ranking.table import Counts, ScoreTable

RESAMPLES = 1000


def seed_of(challenge: str, version: str) -> int:
    """The same for the same version of a challenge, so that anyone can draw the same resamples."""
    return int.from_bytes(hashlib.sha256(f"{challenge}\n{version}".encode()).digest()[:8], "big")


def board_seed(challenge: str, phase: str, edition: int) -> int:
    """Of a leaderboard: by the challenge's and the phase's slug."""
    return seed_of(challenge, f"{phase} {edition}")


def draw_patients(
    table: ScoreTable, seed: int, *, number: int = RESAMPLES, stratum: str = ""
) -> Counts:
    """``[number, patients]``: how often each of ``table.patient_names`` is drawn.

    As many patients as there are, with replacement; within each group of the grouping ``stratum``,
    where one is named, which has to be the same for all cases of a patient (RankingRefused).
    """
    patients = len(table.patient_names)
    random = np.random.default_rng(seed)
    counts = np.zeros((number, patients))
    for members in _strata(table, stratum):
        drawn = members[random.integers(len(members), size=(number, len(members)))]
        counts += counted(drawn, patients)
    return counts


def from_indices(table: ScoreTable, indices: Sequence[Sequence[int]]) -> Counts:
    """Explicit resamples as ``[resamples, patients]`` counts.

    indices: of each resample the places, from 0, of the drawn patients in ``table.patient_names``.
    RankingRefused where a place does not exist, or a resample draws nobody.
    """
    patients = len(table.patient_names)
    rows = [np.asarray(row, dtype=np.int64) for row in indices]
    wrong = sorted({int(at) for row in rows for at in row if not 0 <= at < patients})
    if wrong:
        raise RankingRefused(
            "resamples", f"Drawn patients {wrong} do not exist; places are 0 to {patients - 1}."
        )
    if not rows or not all(row.size for row in rows):
        raise RankingRefused("resamples", "A resample draws no patient; each needs at least one.")
    return np.concatenate([counted(row[None], patients) for row in rows])


def counted(drawn: NDArray[np.int64], patients: int) -> Counts:
    """``[resamples, draws]`` places → ``[resamples, patients]`` counts."""
    resamples = len(drawn)
    flat = (drawn + patients * np.arange(resamples)[:, None]).ravel()
    counts = np.bincount(flat, minlength=resamples * patients)
    return counts.reshape(resamples, patients).astype(np.float64)


def _strata(table: ScoreTable, stratum: str) -> list[NDArray[np.int64]]:
    """Places of the patients of each group."""
    patients = len(table.patient_names)
    if not stratum:
        return [np.arange(patients)]
    of_patient: dict[str, str] = {}
    mixed: list[str] = []
    for patient, group in zip(table.patients, table.grouping(stratum), strict=True):
        if of_patient.setdefault(patient, group) != group:
            mixed.append(patient)
    if mixed:
        raise RankingRefused(
            "stratum",
            # Without their names, as whoever reads a leaderboard reads it.
            f"Of {len(set(mixed))} of {patients} patients there are cases of several {stratum}."
            " A patient is drawn with all cases; stratify by what is the same for all of them.",
        )
    groups = np.array([of_patient[patient] for patient in table.patient_names])
    return [np.flatnonzero(groups == group) for group in sorted(set(groups.tolist()))]

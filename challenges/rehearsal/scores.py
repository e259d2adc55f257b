"""Score every simulated participant on every case, once, by the real engine."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from challenges.pooled import pooled
from challenges.rehearsal.noise import Lesion, Level, calibrated, lesions
from challenges.rehearsal.participants import (
    FAILING,
    FAILING_SHARE,
    LEVELS,
    MIDDLE,
    PARTICIPANTS,
    SIMILAR,
    Scene,
    drawn_by,
)
from evaluation.aggregate import clip_to_worst
from evaluation.counts import Counts
from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask, read_mask
from evaluation.metrics import Metric
from evaluation.pair import PetRegion
from evaluation.readers import average_over_readers
from evaluation.scoring import CaseScore, score_masks
from evaluation.similarity import exact_likeness
from evaluation.spec import EvaluationSpec
from evaluation.volumes import read_volume

Progress = Callable[[int, int], None]
CALIBRATION_CASES = 12
CaseCounts = tuple[dict[str, Counts], ...]
"""Against each target, by label."""


class RehearsalRefused(Exception):
    """Why nothing can be rehearsed, and what to do."""


@dataclass(frozen=True)
class RehearsalCase:
    """references: one mask, or two whose scores are averaged; annotations: by reader; all as .mha
    on the PET's grid. metadata: columns of cases.csv. groups: the label of each grouping."""

    name: str
    patient: str
    pet: Path
    references: tuple[Path, ...]
    annotations: Mapping[str, Path]
    metadata: Mapping[str, str]
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """One metric of each case, for one label."""

    metric: Metric
    label: str

    @property
    def key(self) -> str:
        return f"{self.metric.id}[{self.label}]"


@dataclass(frozen=True)
class Scores:
    """What every participant scored on every case.

    values: ``[participants, columns, cases]``, a value worse than a missing result counted as
    that, NaN where not applicable. similar: likewise of SIMILAR readers of the middle level, the
    first of whom is the participant. worst: ``[columns, cases]``. counts: by participant, then by
    case. reader_dice: mean over pairs of readers and cases with anything drawn, None where there
    is no pair.
    """

    cases: tuple[RehearsalCase, ...]
    columns: tuple[Column, ...]
    levels: Mapping[str, Level]
    participants: tuple[str, ...]
    values: NDArray[np.float64]
    similar: NDArray[np.float64]
    worst: NDArray[np.float64]
    counts: Mapping[str, tuple[CaseCounts, ...]]
    failed: tuple[int, ...]
    reader_dice: float | None

    @property
    def patients(self) -> tuple[str, ...]:
        return tuple(case.patient for case in self.cases)


@dataclass(frozen=True)
class _Scored:
    """One case: values[participant][column], and those of the similar readers."""

    values: dict[str, list[float]]
    similar: list[list[float]]
    worst: list[float]
    counts: dict[str, CaseCounts]
    reader_dices: list[float]


def score_all(
    cases: Sequence[RehearsalCase],
    spec: EvaluationSpec,
    seed: int,
    processes: int,
    progress: Progress,
) -> Scores:
    """Each participant × case once; progress is called with (cases done, cases in all).

    Raises RehearsalRefused where there is nothing to score, and what reading a file raises.
    """
    if not cases:
        raise RehearsalRefused("There is no case to rehearse with; bring data first.")
    # By name, so that no number depends on the order in which cases come.
    cases = sorted(cases, key=lambda case: case.name)
    levels = _levels(cases, spec, seed)
    columns = tuple(Column(metric, label) for metric in spec.shown for label in spec.labels)
    work = partial(_score, spec=spec, levels=levels, seed=seed)
    scored: list[_Scored] = []
    for one in pooled(work, cases, processes):
        scored.append(one)
        progress(len(scored), len(cases))
    names = [one.id for one in PARTICIPANTS if one.id != FAILING]
    worst = np.array([one.worst for one in scored]).T
    values = {name: np.array([one.values[name] for one in scored]).T for name in names}
    counts = {name: tuple(one.counts[name] for one in scored) for name in names}
    failed = failing_cases(len(cases), np.random.default_rng([seed, 1]))
    values[FAILING] = with_failures(values[MIDDLE], worst, failed)
    counts[FAILING] = tuple(
        without_result(one) if at in failed else one for at, one in enumerate(counts[MIDDLE])
    )
    dices = [dice for one in scored for dice in one.reader_dices]
    return Scores(
        cases=tuple(cases),
        columns=columns,
        levels=levels,
        participants=tuple(one.id for one in PARTICIPANTS),
        values=np.stack([values[one.id] for one in PARTICIPANTS]),
        similar=np.array([one.similar for one in scored]).transpose(1, 2, 0),
        worst=worst,
        counts=counts,
        failed=failed,
        reader_dice=float(np.mean(dices)) if dices else None,
    )


def failing_cases(cases: int, rng: np.random.Generator) -> tuple[int, ...]:
    """A tenth of the cases, one at least."""
    count = max(1, round(FAILING_SHARE * cases))
    return tuple(sorted(int(one) for one in rng.choice(cases, count, replace=False)))


def with_failures(
    values: NDArray[np.float64], worst: NDArray[np.float64], failed: Sequence[int]
) -> NDArray[np.float64]:
    """``[columns, cases]``, with what a missing result counts as in these cases."""
    changed = values.copy()
    changed[:, list(failed)] = worst[:, list(failed)]
    return changed


def without_result(counts: CaseCounts) -> CaseCounts:
    return tuple(
        {
            label: Counts(
                voxel_ml=one.voxel_ml,
                reference=one.reference,
                prediction=None,
                common=None,
                reference_lesions=one.reference_lesions,
            )
            for label, one in target.items()
        }
        for target in counts
    )


def _known_mask(case: RehearsalCase) -> Path:
    """What participants know of: of two references one, by the case's name."""
    return case.references[_number(case.name) % len(case.references)]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _levels(cases: Sequence[RehearsalCase], spec: EvaluationSpec, seed: int) -> dict[str, Level]:
    """Calibrated on the first cases with lesions, in an order that the seed decides."""
    drawn: list[list[Lesion]] = []
    order = np.random.default_rng([seed, 0]).permutation(len(cases))
    for case in (cases[at] for at in order):
        mask = read_mask(_known_mask(case), None, spec.labels.values())
        if mask.voxels.size:
            drawn.append(lesions(mask.to_array() > 0, mask.geometry))
        if len(drawn) == CALIBRATION_CASES:
            break
    if not drawn:
        raise RehearsalRefused(
            f"None of the {len(cases)} cases has a lesion, so nothing can be drawn well or badly; "
            "bring cases with lesions."
        )
    return {
        name: calibrated(drawn, dice, miss, [seed, 2]) for name, (_, dice, miss) in LEVELS.items()
    }


def _score(
    case: RehearsalCase, spec: EvaluationSpec, levels: Mapping[str, Level], seed: int
) -> _Scored:
    values = spec.labels.values()
    pet = read_volume(case.pet)
    suv = pet.voxels.astype(np.float32, copy=False)
    targets = [read_mask(path, pet.geometry, values) for path in case.references]
    known = read_mask(_known_mask(case), pet.geometry, values)
    scene = Scene(suv, known.to_array(), pet.geometry, spec.labels)
    region = PetRegion.whole(suv) if spec.needs_pet else None

    def against_all(mask: NDArray[np.uint8] | None) -> list[CaseScore]:
        drawn = None if mask is None else DrawnMask.from_array(mask, pet.geometry)
        return [score_masks(target, drawn, spec, pet=region) for target in targets]

    rng = np.random.default_rng([seed, 3, _number(case.name)])
    scores = {name: against_all(draw()) for name, draw in drawn_by(scene).items()}
    for name, level in levels.items():
        scores[name] = against_all(scene.redrawn(level, rng))
    similar = [scores[MIDDLE]]
    for _ in range(SIMILAR - 1):
        similar.append(against_all(scene.redrawn(levels[MIDDLE], rng)))
    return _Scored(
        values={name: _row(one, spec) for name, one in scores.items()},
        similar=[_row(one, spec) for one in similar],
        worst=_row(against_all(None), spec),
        counts={name: tuple(one.counts for one in found) for name, found in scores.items()},
        reader_dices=_reader_dices(case, pet.geometry, spec),
    )


def _row(scores: Sequence[CaseScore], spec: EvaluationSpec) -> list[float]:
    """Of each column the mean over targets, clipped as for a rank; NaN where not applicable."""
    row = []
    for metric in spec.shown:
        for label in spec.labels:
            found = [one.metrics[metric.id][label] for one in scores]
            mean = average_over_readers(
                [clip_to_worst(metric, one.value, one.worst) for one in found]
            )
            row.append(float("nan") if mean is None else mean)
    return row


def _reader_dices(case: RehearsalCase, grid: Geometry, spec: EvaluationSpec) -> list[float]:
    masks = [read_mask(path, grid, spec.labels.values()) for path in case.annotations.values()]
    dices = [exact_likeness(one, other).dice for one, other in combinations(masks, 2)]
    return [dice for dice in dices if dice is not None]

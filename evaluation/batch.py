"""Score many cases, on several processes, against one reader's masks or several."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.cases import CaseFiles
from evaluation.cohort import ScoredCase, mean_over_targets, over_cohort
from evaluation.errors import EvaluationError, MapRefused, MaskRefused, VolumeRefused
from evaluation.files import geometry_of, read_pet
from evaluation.geometry import Geometry
from evaluation.maps import read_map
from evaluation.masks import DrawnMask, read_mask
from evaluation.metrics import CohortValue
from evaluation.readers import Recipe, average_over_readers, leave_one_out, reference_masks
from evaluation.reliability import Steps
from evaluation.resampling import read_on_grid
from evaluation.scoring import CaseScore, MetricValue, score_masks
from evaluation.spec import EvaluationSpec

MISSING, UNREADABLE = "missing", "unreadable"
Read = TypeVar("Read")


@dataclass(frozen=True)
class Outcome:
    """One case, scored. scores: one against each target (two, where two readers read it), whose
    names stand in targets.

    readers: each reader's scores against the consensus of the others, where there are several.
    reason_code, reason: why there is no usable result; empty where there is one.
    """

    name: str
    targets: tuple[str, ...]
    scores: tuple[CaseScore, ...]
    readers: dict[str, tuple[CaseScore, ...]]
    reason_code: str = ""
    reason: str = ""

    @property
    def metrics(self) -> dict[str, dict[str, MetricValue]]:
        return mean_of(self.scores)

    def to_json(self) -> dict[str, Any]:
        reason = {"code": self.reason_code, "text": self.reason} if self.reason_code else None
        return {
            "case": self.name,
            "reason": reason,
            "metrics": {
                metric: {label: asdict(value) for label, value in labels.items()}
                for metric, labels in self.metrics.items()
            },
            "targets": [
                {"target": name, **one.to_json()}
                for name, one in zip(self.targets, self.scores, strict=True)
            ],
            "readers": {
                name: [one.to_json() for one in scores] for name, scores in self.readers.items()
            },
        }


def mean_of(scores: Sequence[CaseScore]) -> dict[str, dict[str, MetricValue]]:
    """The mean over targets; a value that applies against one of two is that one's."""
    first = scores[0].metrics
    if len(scores) == 1:
        return first
    return {
        name: {
            label: MetricValue(
                average_over_readers([one.metrics[name][label].value for one in scores]),
                average_over_readers([one.metrics[name][label].worst for one in scores]),
            )
            for label in labels
        }
        for name, labels in first.items()
    }


def score_case_files(
    case: CaseFiles,
    spec: EvaluationSpec,
    *,
    recipe: Recipe = Recipe.MAJORITY,
    readers: bool = False,
    threads: int = 1,
) -> Outcome:
    """Score a case's files; with ``readers`` also each reader against the others.

    A prediction that is missing, or is refused for itself or the probability map beside it, counts
    as no result, as it does on a platform. Raises
    EvaluationError, naming the case, for a reference or a PET that cannot be used.
    """
    values = spec.labels.values()
    code, reason, prediction = MISSING, "There is no file for this case.", None
    stated: Steps | None = None
    grid = _of(case, "reference", next(iter(case.references.values())), geometry_of)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        answer = case.prediction and pool.submit(
            read_on_grid, case.prediction, grid, values, spec.resample
        )
        reading = {
            name: pool.submit(
                _of, case, "reference", path, lambda one: read_mask(one, grid, values)
            )
            for name, path in case.references.items()
        }
        masks = {name: one.result() for name, one in reading.items()}
        if answer:
            try:
                stated = _stated(case, spec, grid)
                prediction, code, reason = answer.result(), "", ""
            except (MapRefused, MaskRefused, VolumeRefused) as refusal:
                code, reason = refusal.code, refusal.message
            except OSError as error:
                code, reason = UNREADABLE, f"The file cannot be read: {error.strerror}."
    drawn = [*masks.values(), *([prediction] if prediction else [])]
    pet = None
    if case.pet and spec.needs_pet:
        pet = _of(case, "PET", case.pet, lambda one: read_pet(one, drawn))

    def against(
        targets: Sequence[DrawnMask], of: DrawnMask | None, confidence: Steps | None = None
    ) -> tuple[CaseScore, ...]:
        how: dict[str, Any] = {"pet": pet, "confidence": confidence, "threads": threads}
        return tuple(score_masks(target, of, spec, **how) for target in targets)

    others: dict[str, tuple[CaseScore, ...]] = {}
    if len(masks) == 1:
        targets = list(masks.values())
    else:
        arrays = {name: mask.to_array() for name, mask in masks.items()}
        targets = _drawn(reference_masks(list(arrays.values()), recipe), grid)
        if readers:
            others = {
                name: against(_drawn(references, grid), masks[name])
                for name, references in leave_one_out(arrays, recipe).items()
            }
    names = tuple(masks) if len(targets) == len(masks) else (recipe.value,)
    return Outcome(case.name, names, against(targets, prediction, stated), others, code, reason)


def _stated(case: CaseFiles, spec: EvaluationSpec, grid: Geometry) -> Steps | None:
    """The map beside the mask; one that is required and missing costs the case, as on a platform.

    Raises MapRefused, OSError.
    """
    if spec.confidence is None or not spec.confidence.is_map:
        return None
    if case.probability is not None:
        return read_map(case.probability, grid)
    if spec.confidence.required:
        raise MapRefused("no_confidence", "There is no probability map for this case.")
    return None


def _of(case: CaseFiles, role: str, path: Path, read: Callable[[Path], Read]) -> Read:
    """``read(path)``; an error says whose file it was."""
    try:
        return read(path)
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        raise EvaluationError(UNREADABLE, f"{case.name}, {role} {path}: {text}") from error
    except EvaluationError as error:
        text = f"{case.name}, {role} {path}: {error.message}"
        raise EvaluationError(error.code, text) from error


def score_cases(
    cases: Sequence[CaseFiles],
    spec: EvaluationSpec,
    *,
    recipe: Recipe = Recipe.MAJORITY,
    readers: bool = False,
    processes: int = 1,
    threads: int = 1,
) -> Iterator[Outcome]:
    """Each case as it is done, in any order; errors as ``score_case_files``.

    The processes are forked at once, before the caller has threads (a progress bar's), and with
    what they will need already loaded.
    """
    score = partial(score_case_files, spec=spec, recipe=recipe, readers=readers, threads=threads)
    if processes <= 1:
        return map(score, cases)
    for name in ("scipy.optimize", "scipy.sparse.csgraph", "scipy.spatial"):
        import_module(name)
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("fork"), initializer=_leave_interrupts_to_the_parent
    )
    return _as_done(pool, [pool.submit(score, case) for case in cases])


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _as_done(pool: ProcessPoolExecutor, waiting: Sequence["Future[Outcome]"]) -> Iterator[Outcome]:
    try:
        for done in as_completed(waiting):
            yield done.result()
    except BrokenProcessPool:
        raise EvaluationError(
            "process_ended",
            "A scoring process was ended from outside, most likely for want of memory. "
            "Try again with --processes 1.",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def cohort_of(
    outcomes: Sequence[Outcome],
    spec: EvaluationSpec,
    metadata: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, CohortValue]]:
    """[metric][label] of the metrics over the cohort; averaged over readers where cases have two
    targets. metadata: the columns of cases.csv, by case."""
    slots = max((len(outcome.scores) for outcome in outcomes), default=1)
    found = [
        over_cohort(
            spec,
            [
                ScoredCase(
                    name=one.name,
                    counts=one.scores[min(slot, len(one.scores) - 1)].counts,
                    metadata=metadata.get(one.name, {}),
                )
                for one in outcomes
            ],
        )
        for slot in range(slots)
    ]
    return mean_over_targets(found)


def _drawn(arrays: Sequence[NDArray[np.uint8]], grid: Geometry) -> list[DrawnMask]:
    return [DrawnMask.from_array(array, grid) for array in arrays]

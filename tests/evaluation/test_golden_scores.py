"""Frozen scores. When a number here changes, so does every leaderboard that was published with it:
raise ``SCORER_VERSION`` in the same commit, say in the changelog what changed, and only then freeze
the new numbers."""

import numpy as np
import pytest

from evaluation import SCORER_VERSION
from evaluation.geometry import Geometry
from evaluation.scoring import score_case
from tests.evaluation.grids import EVERY_METRIC, Labels

GRID = Geometry((20, 18, 16), (4.07283, 4.07283, 3.0), (-40.0, 12.5, 300.0))


def ball(z: float, y: float, x: float, radius_mm: float) -> Labels:
    """Voxels whose centre lies within ``radius_mm`` of a place given in voxels; no randomness."""
    grid = np.indices(GRID.shape, dtype=np.float64)
    spacing = GRID.spacing[::-1]
    squares = [((grid[axis] - (z, y, x)[axis]) * spacing[axis]) ** 2 for axis in range(3)]
    inside: Labels = (sum(squares) <= radius_mm**2).astype(np.uint8)
    return inside


REFERENCE = ball(7.3, 8.1, 9.2, 14.0) | ball(12.0, 3.0, 3.0, 6.5)
PREDICTION = ball(7.9, 8.6, 10.1, 15.0) | ball(2.0, 15.0, 16.0, 5.0)

GOLDEN: dict[str, float] = {
    "dice": 0.7111913357400722,
    "jaccard": 0.5518207282913166,
    "sensitivity": 0.7519083969465649,
    "ppv": 0.6746575342465754,
    "petseg_score": 0.7132829655965701,
    "hd": 32.47148303427178,
    "hd95": 26.661307273635135,
    "hd95_pooled": 26.48304230001336,
    "assd": 4.9012886625547285,
    "nsd": 0.5551948051948052,
    "mtv_ml": 14.531039126996404,
    "mtv_error_ml": 1.4929149788010019,
    "mtv_abs_error_ml": 1.4929149788010019,
    "mtv_rel_error": 11.450381679389325,
    "mtv_sym_error": 10.830324909747304,
    "fpv_ml": 0.34834682838690006,
    "fnv_ml": 1.4431511461743003,
    "lesion_f1": 0.5,
    "lesion_sensitivity": 0.5,
    "lesion_ppv": 0.5,
    "lesion_fp_count": 1.0,
    "matched_dice": 0.7606177606177605,
    "panoptic_quality": 0.3068535825545171,
    "dmax_error_mm": 3.943768608801662,
    "case_sensitivity": 1.0,
}


def test_the_golden_scores_belong_to_this_version_of_the_scorer() -> None:
    assert SCORER_VERSION == "1", "freeze the new version's scores here"


@pytest.mark.parametrize("metric", GOLDEN)
def test_a_golden_score_has_not_changed(metric: str) -> None:
    found = score_case(REFERENCE, PREDICTION, GRID, EVERY_METRIC).metrics[metric]["lesion"].value
    assert found == pytest.approx(GOLDEN[metric], rel=1e-12), (
        f"{metric} is now {found!r}: a change of a score needs a new SCORER_VERSION"
    )


def test_the_golden_worst_values_have_not_changed() -> None:
    scored = score_case(REFERENCE, None, GRID, EVERY_METRIC).metrics
    assert scored["hd95"]["lesion"].worst == pytest.approx(GRID.diagonal_mm, rel=1e-12)
    assert scored["dice"]["lesion"].worst == 0.0
    assert scored["mtv_abs_error_ml"]["lesion"].worst == 1000.0


def test_every_metric_that_applies_here_is_frozen() -> None:
    scored = score_case(REFERENCE, PREDICTION, GRID, EVERY_METRIC).metrics
    assert set(GOLDEN) == {name for name, one in scored.items() if one["lesion"].value is not None}

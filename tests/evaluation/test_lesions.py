"""Lesions: which are found, missed and drawn in vain; by hand and against every way of matching."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import center_of_mass, generate_binary_structure, label

from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.lesions import Overlaps, match
from evaluation.metrics import Pair
from evaluation.metrics.base import Setting
from evaluation.spec import EvaluationSpec
from tests.evaluation.grids import QUICK, Labels, grid, measured, pairs, score

ML = (10.0, 10.0, 10.0)
"""Edges of a voxel of 1 ml."""


def line(drawn: str) -> Labels:
    """A row of voxels along x: “#” is drawn."""
    return np.array([[[1 if one == "#" else 0 for one in drawn]]], np.uint8)


def on(reference: Labels) -> Geometry:
    z, y, x = reference.shape
    return grid((z, y, x), ML)


def found(metric: str, reference: str, prediction: str) -> float:
    return measured(metric, line(reference), line(prediction), on(line(reference)))


def chosen(
    metric: str, reference: Labels, prediction: Labels | None, **settings: Setting
) -> float | None:
    """A metric with other settings."""
    spec = EvaluationSpec(metrics=["dice", {metric: dict(settings)}])
    return score(reference, prediction, on(reference), spec).metrics[metric]["lesion"].value


class TestByHand:
    """R: a lesion of 4 found at IoU 3/5, one of 1 missed. P: one of 2 in vain."""

    reference = "####...#......"
    prediction = ".####.....##.."

    @pytest.mark.parametrize(
        ("metric", "expected"),
        [
            ("fpv_ml", 2.0),
            ("fnv_ml", 1.0),
            ("lesion_f1", 2 / 4),
            ("lesion_sensitivity", 1 / 2),
            ("lesion_ppv", 1 / 2),
            ("lesion_fp_count", 1.0),
            ("matched_dice", 6 / 8),
            ("panoptic_quality", (3 / 5) / (1 + 0.5 + 0.5)),
            ("case_sensitivity", 1.0),
            # Centroids of R at 1.5 and 7, of P at 2.5 and 10.5.
            ("dmax_error_mm", 80.0 - 55.0),
        ],
    )
    def test_each_metric(self, metric: str, expected: float) -> None:
        assert found(metric, self.reference, self.prediction) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("metric", "expected"),
        [
            ("fpv_ml", 1.0),
            ("fnv_ml", 2.0),
            ("lesion_f1", 2 / 4),
            ("lesion_fp_count", 1.0),
            ("dmax_error_mm", 55.0 - 80.0),
        ],
    )
    def test_each_metric_with_the_masks_swapped(self, metric: str, expected: float) -> None:
        assert found(metric, self.prediction, self.reference) == pytest.approx(expected)


def test_one_voxel_of_contact_exempts_a_component_from_fpv_but_finds_no_lesion() -> None:
    """R: 10 voxels; P: 10, one of them in R. IoU 1/19 is below 0.1."""
    reference, prediction = "##########.........", ".........##########"
    assert found("fpv_ml", reference, prediction) == 0.0
    assert found("fnv_ml", reference, prediction) == 0.0
    assert found("lesion_f1", reference, prediction) == 0.0
    assert found("lesion_fp_count", reference, prediction) == 1.0
    assert found("fpv_ml", reference, "..........#########") == pytest.approx(9)
    assert found("fnv_ml", reference, "..........#########") == pytest.approx(10)


def test_a_lesion_counts_as_found_from_the_least_iou_itself() -> None:
    """IoU 1/10 = 0.1 is enough."""
    assert found("lesion_f1", "#.........", "##########") == 1.0
    assert found("lesion_f1", "#..........", "###########") == 0.0


@pytest.mark.parametrize(("least", "expected"), [(0.1, 1.0), (0.5, 1.0), (0.51, 0.0), (1.0, 0.0)])
def test_the_least_iou_can_be_chosen(least: float, expected: float) -> None:
    reference, prediction = line("###."), line(".###")  # 2 of 4
    for metric in ("lesion_f1", "lesion_sensitivity", "lesion_ppv"):
        assert chosen(metric, reference, prediction, min_iou=least) == expected
    assert chosen("lesion_fp_count", reference, prediction, min_iou=least) == 1.0 - expected
    dice = 2 * 0.5 / 1.5 if expected else 0.0
    assert chosen("matched_dice", reference, prediction, min_iou=least) == pytest.approx(dice)


def test_panoptic_quality_wants_more_than_half() -> None:
    """IoU 1/2 is no match, 2/3 is one."""
    assert found("panoptic_quality", "##..", "#...") == 0.0
    assert found("panoptic_quality", "###.", "##..") == pytest.approx(2 / 3)


def test_two_pieces_of_one_lesion_find_it_once() -> None:
    """Pieces of 4 and 3 of a lesion of 8: the better one is the match, the other is in vain."""
    reference, prediction = "########", "####.###"
    assert found("lesion_sensitivity", reference, prediction) == 1.0
    assert found("lesion_fp_count", reference, prediction) == 1.0
    assert found("lesion_f1", reference, prediction) == pytest.approx(2 / 3)
    assert found("matched_dice", reference, prediction) == pytest.approx(2 * 4 / (8 + 4))
    assert found("fpv_ml", reference, prediction) == 0.0


def test_one_blob_over_two_lesions_finds_one_of_them() -> None:
    reference, prediction = "####.###", "########"
    assert found("lesion_sensitivity", reference, prediction) == 0.5
    assert found("lesion_ppv", reference, prediction) == 1.0
    assert found("lesion_fp_count", reference, prediction) == 0.0
    assert found("matched_dice", reference, prediction) == pytest.approx(2 * 4 / (8 + 4))
    assert found("fnv_ml", reference, prediction) == 0.0


def test_a_lesion_gives_its_best_match_away_where_the_total_is_larger() -> None:
    """The best pair (IoU 2/6) alone would leave one lesion of each mask; without it there are two
    pairs, of 1/4 each."""
    reference, prediction = "#.####", "####.#"
    assert found("lesion_f1", reference, prediction) == 1.0
    assert found("matched_dice", reference, prediction) == pytest.approx(2 / 5)


def test_equal_totals_are_settled_by_the_larger_number_of_lesions_whichever_way_one_counts() -> (
    None
):
    """R1–P1 and R2–P2 at 1/6 each, or R2–P1 alone at 1/3. Once, the order of the lesions decided."""
    reference, prediction = "######..#", "#..######"
    for one, other in ((reference, prediction), (prediction, reference)):
        assert found("lesion_sensitivity", one, other) == 1.0
        assert found("lesion_sensitivity", one[::-1], other[::-1]) == 1.0


def by_all_ways(overlaps: Overlaps, least: float) -> Iterator[tuple[float, int]]:
    """Total IoU and number of pairs of every one-to-one matching."""

    def extend(
        place: int, taken: frozenset[tuple[str, int]], total: float, pairs: int
    ) -> Iterator[tuple[float, int]]:
        if place == overlaps.iou.size:
            yield total, pairs
            return
        yield from extend(place + 1, taken, total, pairs)
        ends = {("R", int(overlaps.reference[place])), ("P", int(overlaps.prediction[place]))}
        if overlaps.iou[place] >= least and not ends & taken:
            more = float(overlaps.iou[place])
            yield from extend(place + 1, taken | ends, total + more, pairs + 1)

    return extend(0, frozenset(), 0.0, 0)


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8, unique=True),
    st.lists(st.sampled_from([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6]), min_size=8, max_size=8),
    st.sampled_from([0.001, 0.1, 0.25]),
)
def test_no_way_of_matching_has_a_larger_total(
    ends: list[tuple[int, int]], ious: list[float], least: float
) -> None:
    overlaps = Overlaps(
        reference=np.array([one for one, _ in ends], np.int64),
        prediction=np.array([other for _, other in ends], np.int64),
        shared=np.ones(len(ends), np.int64),
        iou=np.array(ious[: len(ends)]),
        reference_count=5,
        prediction_count=5,
    )
    matching = match(overlaps, least)
    every = list(by_all_ways(overlaps, least))
    best = max(total for total, _ in every)
    assert overlaps.iou[matching.places].sum() == pytest.approx(best, abs=1e-8)
    assert (overlaps.iou[matching.places] >= least).all()
    for side in (overlaps.reference, overlaps.prediction):
        assert len(set(side[matching.places].tolist())) == matching.true_positives
    assert matching.false_positives == 5 - matching.true_positives
    assert matching.false_negatives == 5 - matching.true_positives


lines = st.lists(st.sampled_from(["#", "##", "####", ".", ".."]), min_size=4, max_size=14).map(
    lambda parts: "".join(parts)[:20].ljust(20, ".")
)


@QUICK
@given(lines, lines)
def test_the_matching_of_masks_is_the_best_of_all(reference: str, prediction: str) -> None:
    pair = Pair.of_arrays(line(reference) > 0, line(prediction) > 0, on(line(reference)))
    best = max(total for total, _ in by_all_ways(pair.overlaps, 0.1))
    matching = pair.matching(0.1)
    assert pair.overlaps.iou[matching.places].sum() == pytest.approx(best, abs=1e-8)


@QUICK
@given(lines, lines)
def test_shared_voxels_and_iou_are_those_counted_one_by_one(
    reference: str, prediction: str
) -> None:
    pair = Pair.of_arrays(line(reference) > 0, line(prediction) > 0, on(line(reference)))
    ours = {
        (int(one), int(other)): (int(shared), float(iou))
        for one, other, shared, iou in zip(
            pair.overlaps.reference, pair.overlaps.prediction, pair.overlaps.shared,
            pair.overlaps.iou, strict=True,
        )
    }  # fmt: skip
    lesions = [[set(run) for run in runs(text)] for text in (reference, prediction)]
    expected = {
        (i, j): (len(one & other), len(one & other) / len(one | other))
        for i, one in enumerate(lesions[0])
        for j, other in enumerate(lesions[1])
        if one & other
    }
    assert ours == expected


def runs(text: str) -> list[list[int]]:
    found_runs: list[list[int]] = []
    for place, one in enumerate(text):
        if one == "#":
            if place and text[place - 1] == "#":
                found_runs[-1].append(place)
            else:
                found_runs.append([place])
    return found_runs


def volume_alone(these: Labels, others: Labels) -> int:
    """As published for autoPET: label, then look at each component in a loop."""
    labelled, count = label(these, generate_binary_structure(3, 2))
    voxels = 0
    for number in range(1, count + 1):
        component = labelled == number
        if not (component & (others > 0)).any():
            voxels += int(component.sum())
    return voxels


@QUICK
@given(pairs(drawn=True))
def test_fpv_and_fnv_are_those_of_the_published_loop(
    case: tuple[Labels, Labels, Geometry],
) -> None:
    reference, prediction, geometry = case
    ml = geometry.voxel_volume_ml
    assert measured("fpv_ml", *case) == pytest.approx(volume_alone(prediction, reference) * ml)
    assert measured("fnv_ml", *case) == pytest.approx(volume_alone(reference, prediction) * ml)


def dmax_by_hand(drawn: Labels, geometry: Geometry) -> float:
    labelled, count = label(drawn, generate_binary_structure(3, 2))
    centres = np.array(center_of_mass(drawn, labelled, range(1, count + 1))).reshape(-1, 3)
    centres *= geometry.spacing[::-1]
    return max(float(np.linalg.norm(one - other)) for one in centres for other in centres)


@QUICK
@given(pairs(drawn=True))
def test_dmax_is_the_largest_of_all_distances_between_centroids(
    case: tuple[Labels, Labels, Geometry],
) -> None:
    reference, prediction, geometry = case
    expected = dmax_by_hand(prediction, geometry) - dmax_by_hand(reference, geometry)
    assert measured("dmax_error_mm", *case) == pytest.approx(expected, abs=1e-9)


def scattered(count: int, seed: int, *, drop: int = 0) -> Labels:
    """``count`` lesions of 1 to 8 voxels on a lattice, of which ``drop`` are left out."""
    drawn = np.zeros((18, 18, 18), np.uint8)
    generator = np.random.default_rng(seed)
    places = [(z, y, x) for z in range(0, 18, 3) for y in range(0, 18, 3) for x in range(0, 18, 3)]
    for z, y, x in places[: count - drop]:
        dz, dy, dx = generator.integers(1, 3, 3)
        drawn[z : z + dz, y : y + dy, x : x + dx] = 1
    return drawn


def test_120_lesions_of_which_100_are_found() -> None:
    reference, prediction = scattered(120, 1), scattered(120, 1, drop=20)
    pair = Pair.of_arrays(reference > 0, prediction > 0, on(reference))
    assert (pair.reference.lesions.count, pair.prediction.lesions.count) == (120, 100)
    assert measured("lesion_sensitivity", reference, prediction) == pytest.approx(100 / 120)
    assert measured("lesion_ppv", reference, prediction) == 1.0
    assert measured("lesion_f1", reference, prediction) == pytest.approx(200 / 220)
    assert measured("panoptic_quality", reference, prediction) == pytest.approx(100 / 110)
    assert measured("matched_dice", reference, prediction) == 1.0
    left = float(reference.sum() - prediction.sum())
    assert measured("fnv_ml", reference, prediction, on(reference)) == pytest.approx(left)
    assert measured("lesion_fp_count", prediction, reference) == 20.0


def test_120_lesions_have_the_dmax_of_every_pair() -> None:
    """Centroids are few enough here to look at each pair."""
    reference, prediction = scattered(120, 2), scattered(90, 3)
    geometry = grid((18, 18, 18), (4.07, 4.07, 3.0))
    expected = dmax_by_hand(prediction, geometry) - dmax_by_hand(reference, geometry)
    assert measured("dmax_error_mm", reference, prediction, geometry) == pytest.approx(expected)


def test_dmax_of_fewer_than_two_lesions_is_0() -> None:
    """So one lesion drawn where two are costs their whole distance."""
    assert found("dmax_error_mm", "#....#", "#.....") == -50.0
    assert found("dmax_error_mm", "#.....", ".....#") == 0.0


class TestCases:
    empty, two = line("....."), line("##...")

    def test_a_case_with_lesions_is_recognised_by_any_voxel(self) -> None:
        assert chosen("case_sensitivity", self.two, line("....#")) == 1.0
        assert chosen("case_sensitivity", self.two, self.empty) == 0.0
        assert chosen("case_sensitivity", self.empty, self.two) is None

    def test_a_case_without_lesions_is_recognised_by_no_voxel(self) -> None:
        assert chosen("case_specificity", self.empty, self.empty) == 1.0
        assert chosen("case_specificity", self.empty, line("....#")) == 0.0
        assert chosen("case_specificity", self.two, self.two) is None

    @pytest.mark.parametrize(("least", "positive"), [(0.0, 1), (2.0, 1), (2.001, 0)])
    def test_a_least_volume_can_be_declared(self, least: float, positive: int) -> None:
        """2 ml are drawn."""
        sensitivity = chosen("case_sensitivity", line("....#"), self.two, min_volume_ml=least)
        specificity = chosen("case_specificity", self.empty, self.two, min_volume_ml=least)
        assert (sensitivity, specificity) == (positive, 1 - positive)

    def test_the_least_volume_itself_is_enough(self) -> None:
        """Voxels of 1 mm³, which floats hold exactly: two are 0.002 ml."""
        for least, specificity in ((0.002, 0.0), (0.0021, 1.0)):
            spec = EvaluationSpec(metrics=["dice", {"case_specificity": {"min_volume_ml": least}}])
            scored = score(self.empty, self.two, grid((1, 1, 5)), spec)
            assert scored.metrics["case_specificity"]["lesion"].value == specificity

    @pytest.mark.parametrize("least", [0.0, 5.0])
    def test_no_result_recognises_nothing(self, least: float) -> None:
        assert chosen("case_sensitivity", self.two, None, min_volume_ml=least) == 0.0
        assert chosen("case_specificity", self.empty, None, min_volume_ml=least) == 0.0


@pytest.mark.parametrize(
    ("metric", "name", "number"),
    [("lesion_f1", "min_iou", 0.0), ("lesion_f1", "min_iou", 1.1),
     ("case_specificity", "min_volume_ml", -1.0), ("lesion_f1", "min_uoi", 0.3)],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_refused(metric: str, name: str, number: float) -> None:
    with pytest.raises((ValueError, EvaluationError), match=name):
        EvaluationSpec(metrics=[{metric: {name: number}}])

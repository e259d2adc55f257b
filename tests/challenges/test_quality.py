"""Quality control: a sound case has no finding, and each flaw is found as what it is."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from challenges.ingest.quality import (
    CHECKS,
    Facts,
    PairFacts,
    QualityFinding,
    check_case,
    check_cohort,
    measure_case,
)
from challenges.ingest.resample import OUTSIDE_HU, ct_on_grid
from challenges.phantoms import simulate
from challenges.phantoms.cohort import plans
from evaluation.geometry import Geometry
from evaluation.masks import DrawnMask
from evaluation.volumes import read_volume

EDGE = 4.0
SHAPE = (180, 40, 40)  # z, y, x: 720 mm from head to feet
GRID = Geometry(SHAPE[::-1], (EDGE, EDGE, EDGE))
Z, Y, X = np.indices(SHAPE)
BODY = (Y - 20) ** 2 + (X - 20) ** 2 < 15**2


def ball(z: int, y: int, x: int, radius: float) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (Z - z) ** 2 + (Y - y) ** 2 + (X - x) ** 2 <= radius**2
    return found


LESION = ball(60, 20, 26, 3)


def scan() -> NDArray[np.float32]:
    suv = np.where(BODY, 1.0, 0.0).astype(np.float32)
    suv[LESION] = 8.0
    return suv


def mask(drawn: NDArray[np.bool_] = LESION) -> NDArray[np.uint8]:
    return drawn.astype(np.uint8)


def measured(
    suv: NDArray[np.float32] | None = None,
    drawn: NDArray[np.bool_] = LESION,
    **options: Any,
) -> Facts:
    labels = mask(drawn)
    return measure_case(
        scan() if suv is None else suv, GRID, {"Reader": labels}, [labels], **options
    )


def ids(findings: list[QualityFinding]) -> list[tuple[str, str]]:
    return [(one.check_id, one.severity) for one in findings]


def found(facts: Facts, **metadata: str) -> list[tuple[str, str]]:
    return ids(check_case(facts, metadata))


def only(facts: Facts, check: str, **metadata: str) -> QualityFinding:
    (one,) = [one for one in check_case(facts, metadata) if one.check_id == check]
    return one


class TestFacts:
    def test_are_what_was_drawn_and_painted(self) -> None:
        facts = measured()
        one = facts.annotations["Reader"]
        voxels = int(LESION.sum())
        assert (facts.voxel_mm, facts.matrix, facts.length_mm) == ((4.0,) * 3, (40, 40, 180), 720.0)
        assert (facts.suv_max, facts.suv_min) == (8.0, 0.0)
        assert (one.voxels, one.components, one.suv_max, one.suv_mean) == (voxels, 1, 8.0, 8.0)
        assert one.volume_ml == pytest.approx(voxels * 0.064)
        assert one.contrast == pytest.approx(8.0)
        assert one.outside_body == 0.0
        assert facts.body_ml == pytest.approx(BODY.sum() * 0.064, rel=0.1)
        assert (facts.hottest_inside, facts.hottest_outside) == (8.0, 1.0)

    def test_lesions_are_counted_with_their_volumes_largest_first(self) -> None:
        facts = measured(drawn=LESION | ball(100, 20, 20, 2) | ball(106, 20, 20, 1))
        assert facts.lesion_count == 3
        (volumes,) = facts.references_ml
        assert volumes == pytest.approx([n * 0.064 for n in (LESION.sum(), 33, 7)])
        assert facts.reference_ml == pytest.approx((LESION.sum() + 40) * 0.064)

    def test_of_two_references_the_mean_counts(self) -> None:
        masks = [mask(), mask(LESION & False)]
        facts = measure_case(scan(), GRID, {"A": masks[0], "B": masks[1]}, masks)
        assert facts.lesion_count == 0.5
        assert not facts.lesion_free

    @pytest.mark.parametrize("seed", range(4))
    def test_the_upper_quantile_leaves_one_voxel_in_ten_thousand(self, seed: int) -> None:
        suv = np.random.default_rng(seed).gamma(1.0, 2.0, SHAPE).astype(np.float32)
        facts = measured(suv)
        above = int((suv > facts.suv_p9999).sum())
        assert above == -(-suv.size // 10_000) - 1

    def test_readers_are_compared_with_each_other(self) -> None:
        one, two = ball(60, 20, 20, 3), ball(60, 20, 21, 3)
        facts = measure_case(scan(), GRID, {"A": mask(one), "B": mask(two)}, [mask(one), mask(two)])
        (pair,) = facts.pairs
        assert (pair.first, pair.second) == ("A", "B")
        assert pair.dice == pytest.approx(2 * (one & two).sum() / (one.sum() + two.sum()))
        assert pair.hd95_mm == pytest.approx(EDGE)

    def test_come_back_from_json_as_they_were(self) -> None:
        air = np.full(SHAPE, -1000, np.int16)
        air[BODY] = 40
        facts = measured(ct=air, auxiliary={"other": DrawnMask.from_array(mask(), GRID)})
        assert facts.ct is not None
        assert Facts.from_json(json.loads(json.dumps(facts.to_json(), allow_nan=False))) == facts

    def test_one_voxel_has_facts(self) -> None:
        one = np.ones((1, 1, 1), np.uint8)
        grid = Geometry((1, 1, 1), (1.0, 1.0, 1.0))
        facts = measure_case(one.astype(np.float32), grid, {"R": one}, [one])
        assert facts.annotations["R"].contrast is None
        assert facts.hottest_outside is None


def hot_outside() -> NDArray[np.float32]:
    suv = scan()
    suv[ball(120, 20, 20, 3)] = 20.0
    return suv


def ct(shift: int = 0, fill: int = -1000) -> NDArray[np.int16]:
    """A tapered body, so that a shift along any axis shows."""
    taper = (Y - 20) ** 2 + (X - 20 - shift) ** 2 < np.where(abs(Z - 90) < 60, 15, 0) ** 2
    return np.where(taper, 40, fill).astype(np.int16)


def tapered() -> NDArray[np.float32]:
    suv = scan()
    suv[abs(Z - 90) >= 60] = 0
    return suv


def half_covered() -> NDArray[np.int16]:
    cut = ct()
    cut[:90] = OUTSIDE_HU
    return cut


SPECKS = LESION.copy()
SPECKS[10:170:6, 20, 10] = True

FLAWS = {
    "suv_minimum": (lambda: measured(scan() - 0.6 * ~BODY), "warning"),
    "suv_high": (lambda: measured(scan() * 1000), "warning"),
    "suv_mean": (lambda: measured(scan() * 10), "warning"),
    "uptake_time": (lambda: measured(uptake_min=195.0), "warning"),
    "ct_place": (lambda: measured(tapered(), ct=ct(shift=5)), "blocking"),
    "ct_values": (lambda: measured(tapered(), ct=ct(fill=24)), "warning"),
    "empty_mask": (lambda: measured(drawn=LESION & False), "blocking"),
    "mask_outside_body": (lambda: measured(drawn=ball(60, 3, 3, 3)), "blocking"),
    "mask_elsewhere": (lambda: measured(drawn=np.flip(LESION, 0)), "blocking"),
    "auxiliary_place": (
        lambda: measured(auxiliary={"m": DrawnMask.from_array(np.roll(mask(), 2, 0), GRID)}),
        "blocking",
    ),
    "contrast": (lambda: measured(np.where(LESION, 0.5, scan()).astype(np.float32)), "warning"),
    "mask_volume": (lambda: measured(drawn=ball(60, 20, 26, 0)), "warning"),
    "mask_components": (lambda: measured(drawn=SPECKS), "warning"),
    "hotter_outside": (lambda: measured(hot_outside()), "information"),
}


class TestOneCase:
    def test_a_sound_case_has_no_finding(self) -> None:
        assert found(measured(tapered(), ct=ct(), uptake_min=60.0), uptake_min="60") == []

    @pytest.mark.parametrize("check", FLAWS)
    def test_each_flaw_is_found_as_what_it_is(self, check: str) -> None:
        make, severity = FLAWS[check]
        facts = make()
        assert (check, severity) in found(facts)

    @pytest.mark.parametrize("check", FLAWS)
    def test_a_text_says_what_to_do_and_its_place_is_unique(self, check: str) -> None:
        findings = check_case(FLAWS[check][0](), {})
        places = [(one.check_id, one.about) for one in findings]
        assert len(set(places)) == len(places)
        for one in findings:
            assert one.text.endswith(".")
            assert len(one.text.split()) > 10

    def test_a_case_declared_free_of_lesions_may_be_empty(self) -> None:
        facts = measured(drawn=LESION & False)
        assert found(facts, lesion_free="yes") == []
        assert found(facts, lesion_count="0") == []
        assert found(facts, lesion_free="no") == [("empty_mask", "blocking")]

    def test_a_mask_in_a_case_declared_free_is_told(self) -> None:
        assert found(measured(), lesion_free="yes") == [("declared_free", "warning")]

    def test_a_little_outside_the_body_only_warns(self) -> None:
        edge = (X > 30) & (X < 38) & (abs(Y - 20) < 3) & (abs(Z - 60) < 3)
        facts = measured(drawn=edge)
        changed = replace(facts.annotations["Reader"], outside_body=0.1)
        some = replace(facts, annotations={"Reader": changed})
        assert only(some, "mask_outside_body").severity == "warning"

    def test_crops_have_no_mean_of_a_whole_body(self) -> None:
        facts = replace(measured(scan() * 10), length_mm=300.0)
        assert "suv_mean" not in dict(found(facts))

    def test_a_ct_that_ends_in_the_middle_is_found(self) -> None:
        facts = measured(tapered(), ct=half_covered())
        assert only(facts, "ct_place").text.startswith("The CT covers 50% of the body")

    def test_an_uptake_time_that_is_no_number_is_told(self) -> None:
        assert found(measured(), uptake_min="an hour") == [("uptake_time", "warning")]
        assert found(measured(), uptake_min="nan") == [("uptake_time", "warning")]
        assert found(measured(), uptake_min="") == []

    def test_an_auxiliary_mask_is_off_by_so_many_voxels_along_an_axis(self) -> None:
        text = only(FLAWS["auxiliary_place"][0](), "auxiliary_place").text
        assert text.startswith("m lies off the reference by 2 voxels (8.0 mm) along z: ")

    def test_a_reader_who_drew_nothing_or_elsewhere_is_named(self) -> None:
        drawn = {
            "A": mask(),
            "B": mask(),
            "C": mask(LESION & False),
            "D": mask(ball(90, 20, 20, 3)),
        }
        findings = check_case(measure_case(scan(), GRID, drawn, [mask()]), {})
        apart = {one.about: one.text for one in findings if one.check_id == "readers_apart"}
        assert set(apart) == {"C", "D"}
        assert "drew nothing" in apart["C"]

    def test_conversion_warns_in_its_own_words(self) -> None:
        (one,) = check_case(measured(), {}, conversion_warnings=["Two doses."])
        assert (one.check_id, one.severity, one.text) == ("conversion", "warning", "Two doses.")


Scene = tuple[NDArray[np.float32], NDArray[np.uint8], Geometry]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    made = [simulate(plan) for plan in plans(2024, 8, (96, 96, 120))]
    return [
        (
            np.ascontiguousarray(one.suv.T),
            np.ascontiguousarray(one.masks["reader-a"].T.astype(np.uint8)),
            Geometry(one.suv.shape, (5.5, 5.5, 8.3)),
        )
        for one in made
        if one.masks["reader-a"].any()
    ]


class TestPhantoms:
    """Whole bodies with brain, heart, kidneys and bladder, where hot is not yet a lesion."""

    def test_masks_of_readers_block_nothing(self, scenes: list[Scene]) -> None:
        for suv, drawn, grid in scenes:
            told = check_case(measure_case(suv, grid, {"A": drawn}, [drawn]), {})
            assert [one for one in told if one.severity == "blocking"] == []

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_most_mirrored_masks_are_found(self, axis: int, scenes: list[Scene]) -> None:
        """Not each: a lesion of the spine stays one when left and right are exchanged."""
        blocked = 0
        for suv, drawn, grid in scenes:
            turned = np.ascontiguousarray(np.flip(drawn, axis))
            told = check_case(measure_case(suv, grid, {"A": turned}, [turned]), {})
            blocked += any(one.severity == "blocking" for one in told)
        assert blocked > len(scenes) / 2


def cohort(count: int = 12) -> dict[str, Facts]:
    """Of cases alike: images and volumes differ a little."""
    facts = measured()
    return {
        f"case-{n:02}": replace(
            facts, pet_sha256=str(n), references_ml=((10.0 + n % 3,),),
            pairs=tuple(PairFacts(a, b, 0.85 + 0.01 * (n % 3), 4.0) for a, b in ("AB", "AC", "BC")),
        )
        for n in range(count)
    }  # fmt: skip


def among_all(facts: dict[str, Facts], **given: Any) -> dict[str, list[tuple[str, str]]]:
    options: dict[str, Any] = {"patients": {}, "splits": {}, "readers": ["A", "B", "C"], **given}
    findings = check_cohort(facts, **options)
    assert set(findings) == set(facts)
    return {case: ids(own) for case, own in findings.items() if own}


class TestCohort:
    def test_cases_alike_have_no_finding(self) -> None:
        assert among_all(cohort()) == {}

    def test_the_same_image_twice_blocks_both(self) -> None:
        facts = cohort()
        facts["case-03"] = replace(facts["case-03"], pet_sha256="5")
        assert among_all(facts) == {
            "case-03": [("duplicate", "blocking")], "case-05": [("duplicate", "blocking")],
        }  # fmt: skip

    def test_a_copy_under_another_header_is_the_same_image(self) -> None:
        other = Geometry(GRID.size, GRID.spacing, (9.0, 9.0, 9.0))
        one = measured()
        two = measure_case(scan(), other, {"Reader": mask()}, [mask()])
        assert set(among_all({"a": one, "b": two})) == {"a", "b"}

    def test_a_patient_in_two_splits_blocks_all_cases_of_that_patient(self) -> None:
        given = {
            "patients": {"case-00": "p", "case-01": "p", "case-02": "p", "case-03": "q"},
            "splits": {"case-00": "training", "case-01": "test", "case-02": "test"},
        }
        blocked = [("patient_in_two_splits", "blocking")]
        assert among_all(cohort(), **given) == {f"case-0{n}": blocked for n in range(3)}

    @pytest.mark.parametrize("volume", [0.01, 4000.0])
    def test_a_volume_far_from_the_others_is_told(self, volume: float) -> None:
        facts = cohort()
        facts["case-04"] = replace(facts["case-04"], references_ml=((volume,),))
        assert among_all(facts) == {"case-04": [("volume_in_cohort", "warning")]}

    def test_a_reader_who_disagrees_once_is_named(self) -> None:
        facts = cohort()
        pairs = (
            PairFacts("A", "B", 0.85, 4),
            PairFacts("A", "C", 0.4, 9),
            PairFacts("B", "C", 0.4, 9),
        )
        facts["case-04"] = replace(facts["case-04"], pairs=pairs)
        findings = check_cohort(facts, {}, {}, ["A", "B", "C"])["case-04"]
        assert [(one.check_id, one.about) for one in findings] == [("reader_outlier", "C")]

    def test_few_cases_tell_nothing_of_what_is_usual(self) -> None:
        facts = cohort(5)
        facts["case-04"] = replace(facts["case-04"], references_ml=((4000.0,),))
        assert among_all(facts) == {}

    def test_earl_classes_warn_within_a_split_and_not_across(self) -> None:
        rows = {case: {"earl_class": "2" if case == "case-01" else "1"} for case in cohort()}
        assert among_all(cohort(), metadata=rows) == {"case-01": [("earl_mixed", "warning")]}
        apart = {case: "test" if case == "case-01" else "training" for case in rows}
        assert among_all(cohort(), metadata=rows, splits=apart) == {}

    def test_other_voxels_and_scanners_are_information(self) -> None:
        facts = cohort()
        facts["case-02"] = replace(facts["case-02"], voxel_mm=(2.0, 2.0, 3.0))
        rows = {case: {"scanner": "Y" if case == "case-03" else "X"} for case in facts}
        assert among_all(facts, metadata=rows) == {
            "case-02": [("voxel_sizes", "information")], "case-03": [("scanners", "information")],
        }  # fmt: skip


def test_every_check_has_a_title_and_a_sentence_for_a_physician() -> None:
    for check in CHECKS.values():
        assert check.title
        assert check.meaning.endswith(".")
        assert len(check.meaning.split()) >= 6


Findings = dict[str, list[QualityFinding]]


@pytest.fixture(scope="module")
def sarcomas(data_folder: Path) -> Path:
    return data_folder / "sts_pet"


@pytest.fixture(scope="module")
def rows(sarcomas: Path) -> dict[str, dict[str, str]]:
    with (sarcomas / "cases.csv").open(encoding="utf-8") as file:
        return {row["case_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def findings(sarcomas: Path, rows: dict[str, dict[str, str]]) -> Findings:
    return {
        name: check_case(facts_of(sarcomas / name, float(row["uptake_min"])), row)
        for name, row in rows.items()
    }


def facts_of(folder: Path, uptake_min: float, ct_moved_mm: float = 0.0) -> Facts:
    pet = read_volume(folder / "pet.nii.gz")
    drawn = read_volume(folder / "reference.nii.gz").voxels.astype(np.uint8)
    auxiliary = {}
    for path in folder.glob("ct_mask.*"):
        other = read_volume(path)
        labels = (other.voxels != 0).astype(np.uint8)
        auxiliary[path.name] = DrawnMask.from_array(labels, other.geometry)
    hounsfield = None
    if (folder / "ct.nii.gz").exists():
        own = read_volume(folder / "ct.nii.gz")
        x, y, z = own.geometry.origin
        geometry = replace(own.geometry, origin=(x, y + ct_moved_mm, z))
        hounsfield = ct_on_grid(replace(own, geometry=geometry), pet.geometry)
    return measure_case(
        pet.voxels.astype(np.float32), pet.geometry, {"Radiotherapist": drawn}, [drawn],
        ct=hounsfield, auxiliary=auxiliary, uptake_min=uptake_min,
    )  # fmt: skip


@pytest.mark.data
class TestRealSarcomas:
    def test_the_known_flaws_and_no_others_are_found(self, findings: Findings) -> None:
        told = {
            (name, one.check_id, one.severity)
            for name, own in findings.items()
            for one in own
            if one.severity != "information"
        }
        assert told == {
            ("STS_017", "uptake_time", "warning"), ("STS_033", "uptake_time", "warning"),
            ("STS_019", "auxiliary_place", "blocking"),
        }  # fmt: skip

    def test_the_ct_mask_lies_two_slices_off(self, findings: Findings) -> None:
        (one,) = [one for one in findings["STS_019"] if one.check_id == "auxiliary_place"]
        assert one.about == "ct_mask.nii.gz"
        assert "by 2 voxels (6.5 mm) along z" in one.text

    def test_what_is_hotter_than_the_tumour_is_noted_in_fourteen(self, findings: Findings) -> None:
        hotter = [name for name, own in findings.items() if "hotter_outside" in dict(ids(own))]
        assert len(hotter) == 14
        assert "STS_020" in hotter

    def test_a_ct_moved_by_two_centimetres_is_found(self, sarcomas: Path) -> None:
        facts = facts_of(sarcomas / "STS_008", 60.0, ct_moved_mm=20.0)
        assert ("ct_place", "blocking") in found(facts)

"""The checks of one case by itself, from its facts and its row of cases.csv."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from challenges.ingest.quality.facts import Facts, MaskFacts, MirrorFacts, PlaceFacts
from challenges.ingest.quality.registry import QualityFinding, ordered

SUV_LEAST = -0.5
SUV_HIGH = (2.0, 200.0)
SUV_MEAN = (0.05, 2.0)
UPTAKE_MIN = (30.0, 120.0)
OUTSIDE_BODY_WARNS, OUTSIDE_BODY_BLOCKS = 0.05, 0.2
CT_COVERS_AT_LEAST = 0.9
CT_SHIFT_MM, CT_GAIN = 12.0, 0.03
AUXILIARY_GAIN = 0.05
AIR_HU_AT_MOST = -500.0
FEWEST_VOXELS = 3
MOST_OF_A_BODY = 0.2
MOST_COMPONENTS = 300
FEWEST_SPECKS = 10
MIRRORED_HOT_SHARE, MIRRORED_CONTRAST = 0.9, 2.0
MIRRORED_HOTTER = {"one": 2.0, "several": 1.3}
"""Several lesions that all fall on uptake when mirrored are stronger evidence than one."""
LEAST_DICE = 0.5
_YES = {"yes", "true", "1"}


def check_case(
    facts: Facts,
    metadata: Mapping[str, str],
    *,
    conversion_warnings: Sequence[str] = (),
) -> list[QualityFinding]:
    """Every finding of one case, in the order of CHECKS; at most one of a check about one thing.

    metadata: the columns of cases.csv. conversion_warnings: of DICOM to SUV. Names and dates are
    searched for by ``ingest.identifiers``.
    """
    found = [
        *_conversion(conversion_warnings),
        *_suv(facts),
        *_uptake(facts, metadata),
        *_ct(facts),
        *_emptiness(facts, metadata),
        *_auxiliary(facts),
        *_readers(facts),
        *_hotter(facts),
    ]
    for reader, mask in facts.annotations.items():
        if mask.voxels:
            found += _mask(reader, mask, facts)
    return ordered(found)


def minutes(text: str) -> float | None:
    """A finite number; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def declared_free(metadata: Mapping[str, str]) -> bool:
    """By the column ``lesion_free``, or a ``lesion_count`` of 0."""
    if metadata.get("lesion_free", "").strip().lower() in _YES:
        return True
    return metadata.get("lesion_count", "").strip() == "0"


def _conversion(warnings: Sequence[str]) -> Iterator[QualityFinding]:
    if warnings:
        yield QualityFinding("conversion", "PET", "warning", " ".join(dict.fromkeys(warnings)))


def _suv(facts: Facts) -> Iterator[QualityFinding]:
    if facts.suv_min < SUV_LEAST:
        yield QualityFinding(
            "suv_minimum",
            "PET",
            "warning",
            f"The lowest SUV is {facts.suv_min:.3g}; {SUV_LEAST:g} or more is expected. "
            "Check the slope and intercept of the image, and that it is a PET.",
        )
    low, high = SUV_HIGH
    if not low <= facts.suv_p9999 <= high:
        yield QualityFinding(
            "suv_high",
            "PET",
            "warning",
            f"One voxel in ten thousand is hotter than SUV {facts.suv_p9999:.3g}; {low:g} to "
            f"{high:g} is expected. Check that the image is SUV by body weight in g/ml, and not "
            "Bq/ml or counts.",
        )
    low, high = SUV_MEAN
    if facts.whole_body and not low <= facts.suv_mean <= high:
        yield QualityFinding(
            "suv_mean",
            "PET",
            "warning",
            f"The mean SUV of this whole-body field is {facts.suv_mean:.3g}; {low:g} to {high:g} "
            "is expected. Check dose, weight and times of the conversion to SUV.",
        )


def _uptake(facts: Facts, metadata: Mapping[str, str]) -> Iterator[QualityFinding]:
    low, high = UPTAKE_MIN
    told = metadata.get("uptake_min", "").strip()
    if told and minutes(told) is None:
        yield QualityFinding(
            "uptake_time",
            "cases.csv",
            "warning",
            f"The uptake time is “{told}”; a number of minutes is expected in uptake_min.",
        )
    if facts.uptake_min is not None and not low <= facts.uptake_min <= high:
        yield QualityFinding(
            "uptake_time",
            "PET",
            "warning",
            f"The uptake time is {facts.uptake_min:g} min; {low:g} to {high:g} min is expected. "
            "Check the times of injection and scan; if they are right, say so in the design.",
        )


def _ct(facts: Facts) -> Iterator[QualityFinding]:
    ct = facts.ct
    if ct is None:
        return
    wrong = []
    if ct.covered < CT_COVERS_AT_LEAST:
        wrong.append(
            f"The CT covers {ct.covered:.0%} of the body that the PET shows; "
            f"{CT_COVERS_AT_LEAST:.0%} or more is expected."
        )
    place = ct.place
    if (
        place is not None
        and place.shift_length_mm >= CT_SHIFT_MM
        and place.best_dice - place.dice >= CT_GAIN
    ):
        wrong.append(
            f"The body in the CT lies about {place.shift_length_mm:.0f} mm from the body in the "
            f"PET ({_along(place)}): they agree with a Dice of {place.dice:.2f} as they are, and "
            f"{place.best_dice:.2f} after that shift."
        )
    if wrong:
        yield QualityFinding(
            "ct_place",
            "CT",
            "blocking",
            " ".join(wrong) + " Check that the CT is this examination's, and its header's origin.",
        )
    if ct.hu_min > AIR_HU_AT_MOST:
        yield QualityFinding(
            "ct_values",
            "CT",
            "warning",
            f"The lowest CT values are {ct.hu_min:.0f}; air is expected near −1000 HU. Check the "
            "slope and intercept (an offset of 1024 is often left out).",
        )


def _voxels_off(place: PlaceFacts) -> str:
    steps = zip(place.shift_voxels, place.shift_mm, "xyz", strict=True)
    moved = sorted((step for step in steps if step[0]), key=lambda step: -abs(step[1]))
    return " and ".join(
        f"{abs(count)} voxel{'s' * (abs(count) > 1)} ({abs(mm):.1f} mm) along {axis}"
        for count, mm, axis in moved
    )


def _along(place: PlaceFacts) -> str:
    steps = [
        f"{step:+.1f} mm along {axis}"
        for axis, step in zip("xyz", place.shift_mm, strict=True)
        if abs(step) > 0
    ]
    return ", ".join(steps)


def _emptiness(facts: Facts, metadata: Mapping[str, str]) -> Iterator[QualityFinding]:
    declared = declared_free(metadata)
    if facts.lesion_free and not declared:
        drew = [reader for reader, mask in facts.annotations.items() if mask.voxels]
        some = f" ({', '.join(drew)} drew something, the others did not)" if drew else ""
        yield QualityFinding(
            "empty_mask",
            "",
            "blocking",
            f"The reference is empty{some}, and the case is not declared free of lesions. If it "
            "is, write lesion_free: yes into its row of cases.csv; else add the mask.",
        )
    if declared and not facts.lesion_free:
        yield QualityFinding(
            "declared_free",
            "",
            "warning",
            f"The case is declared free of lesions, and the reference holds "
            f"{facts.reference_ml:.1f} ml. Correct the mask or the row of cases.csv.",
        )


def _auxiliary(facts: Facts) -> Iterator[QualityFinding]:
    for name, place in facts.auxiliary.items():
        if place is None or place.shift_length_mm == 0:
            continue
        if place.best_dice - place.dice >= AUXILIARY_GAIN:
            yield QualityFinding(
                "auxiliary_place",
                name,
                "blocking",
                f"{name} lies off the reference by {_voxels_off(place)}: on the PET's grid "
                f"(nearest neighbour) their Dice is {place.dice:.2f}, and {place.best_dice:.2f} "
                "after a shift by that. Check which of the two has the right origin, and leave the "
                "other out.",
            )


def _readers(facts: Facts) -> Iterator[QualityFinding]:
    for reader, mask in facts.annotations.items():
        if not mask.voxels and not facts.lesion_free:
            yield QualityFinding(
                "readers_apart",
                reader,
                "warning",
                f"{reader} drew nothing, where the reference holds {facts.reference_ml:.1f} ml. "
                "Ask whether this reader read the case.",
            )
            continue
        others = [
            pair.dice
            for pair in facts.pairs
            if reader in (pair.first, pair.second)
            and pair.dice is not None
            and all(facts.annotations[one].voxels for one in (pair.first, pair.second))
        ]
        if others and max(others) < LEAST_DICE:
            yield QualityFinding(
                "readers_apart",
                reader,
                "warning",
                f"{reader} agrees with the other readers with a mean Dice of {fmean(others):.2f}; "
                f"{LEAST_DICE:g} or more with at least one is expected. Look at the outlines, and "
                "ask the readers for a joint look.",
            )


def _hotter(facts: Facts) -> Iterator[QualityFinding]:
    inside, outside = facts.hottest_inside, facts.hottest_outside
    if inside is not None and outside is not None and outside > inside:
        yield QualityFinding(
            "hotter_outside",
            "",
            "information",
            f"The hottest voxel outside the reference has SUV {outside:.1f}, the hottest inside "
            f"{inside:.1f}. Physiological uptake is expected to explain it; look once.",
        )


def _mask(reader: str, mask: MaskFacts, facts: Facts) -> Iterator[QualityFinding]:
    outside = mask.outside_body or 0.0
    if outside > OUTSIDE_BODY_WARNS:
        yield QualityFinding(
            "mask_outside_body",
            reader,
            "blocking" if outside > OUTSIDE_BODY_BLOCKS else "warning",
            f"{outside:.0%} of the mask of {reader} lies outside the body; at most "
            f"{OUTSIDE_BODY_WARNS:.0%} is expected. Check the orientation and origin with which "
            "the mask was written.",
        )
    contrast, mirrored = mask.contrast, mask.mirrored
    if mirrored is not None and _is_elsewhere(mask, mirrored):
        yield QualityFinding(
            "mask_elsewhere",
            reader,
            "blocking",
            f"Of the lesions of {reader} {mask.hot_share:.0%} are hotter than their surroundings "
            f"(mean SUV {mask.suv_mean:.1f}), of its mirror image {mirrored.hot_share:.0%} would "
            f"be (mean SUV {mirrored.suv_mean:.1f}). The mask seems to lie at another place: "
            "check the axes with which it was written.",
        )
    elif contrast is not None and contrast < 1.0:
        yield QualityFinding(
            "contrast",
            reader,
            "warning",
            f"The mask of {reader} has a mean SUV of {mask.suv_mean:.2f}, {contrast:.2f} times "
            "the median 5–15 mm around it; more than 1 is expected. Check that it lies on the "
            "lesion, and belongs to this image.",
        )
    yield from _shape(reader, mask, facts)


def _is_elsewhere(mask: MaskFacts, mirrored: MirrorFacts) -> bool:
    """A mirror image explains the uptake, where the mask itself does not (see SUSPICIOUS_SHARE)."""
    times = MIRRORED_HOTTER["one" if mask.components == 1 else "several"]
    return (
        mirrored.hot_share >= MIRRORED_HOT_SHARE
        and mirrored.contrast >= MIRRORED_CONTRAST
        and mirrored.suv_mean >= times * (mask.suv_mean or 0.0)
    )


def _shape(reader: str, mask: MaskFacts, facts: Facts) -> Iterator[QualityFinding]:
    if mask.voxels < FEWEST_VOXELS:
        voxels = "1 voxel" if mask.voxels == 1 else f"{mask.voxels} voxels"
        yield QualityFinding(
            "mask_volume",
            reader,
            "warning",
            f"The mask of {reader} has {voxels} ({mask.volume_ml:.2g} ml); {FEWEST_VOXELS} or "
            "more are expected. Check that it was not damaged by resampling.",
        )
    if facts.whole_body and mask.volume_ml > MOST_OF_A_BODY * facts.body_ml:
        yield QualityFinding(
            "mask_volume",
            reader,
            "warning",
            f"The mask of {reader} has {mask.volume_ml:.0f} ml, of a body of {facts.body_ml:.0f} "
            f"ml; at most {MOST_OF_A_BODY:.0%} is expected. Check that it is not inverted.",
        )
    specks = mask.single_voxels
    if mask.components > MOST_COMPONENTS or (
        specks >= FEWEST_SPECKS and 2 * specks > mask.components
    ):
        yield QualityFinding(
            "mask_components",
            reader,
            "warning",
            f"The mask of {reader} has {mask.components} pieces, {specks} of them single voxels; "
            f"at most {MOST_COMPONENTS} are expected, and few specks. Check that it was not "
            "thresholded or resampled by mistake.",
        )

"""The checks of a case's images and masks: what each looks at, and how much it weighs."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["blocking", "warning", "information"]


@dataclass(frozen=True)
class Check:
    """id: stable. meaning: for a physician. weight: the severity of what it finds at worst;
    "refused" where such a case is not taken in at all."""

    id: str
    title: str
    meaning: str
    weight: Severity | Literal["refused"]


@dataclass(frozen=True)
class QualityFinding:
    """One thing found in one case. check_id: a key of CHECKS. about: the reader, file or image it
    speaks of; empty for the case. text: what was found, what was expected, what to do."""

    check_id: str
    about: str
    severity: Severity
    text: str


_CHECKS = (
    Check(
        "grid",
        "Masks on the PET's grid",
        "A mask has the same voxels as its PET image, so that each voxel of it means one of the "
        "image.",
        "refused",
    ),
    Check(
        "labels",
        "Declared labels",
        "A mask holds background and the labels that the challenge declares, and nothing else.",
        "refused",
    ),
    Check(
        "finite",
        "Finite values",
        "Every voxel of PET and CT is a number.",
        "refused",
    ),
    Check(
        "identifiers",
        "Names and dates",
        "Headers and file names hold no name, date or number that could tell who the patient is.",
        "blocking",
    ),
    Check(
        "conversion",
        "From DICOM to SUV",
        "The DICOM series says all that SUV needs, without contradiction.",
        "warning",
    ),
    Check(
        "suv_minimum",
        "Negative SUV",
        "No SUV lies below −0.5; lower ones come from a wrong slope or from CT values.",
        "warning",
    ),
    Check(
        "suv_high",
        "Highest SUV",
        "The hottest voxels lie between SUV 2 and 200; beyond, the image is likely not in SUV.",
        "warning",
    ),
    Check(
        "suv_mean",
        "Mean SUV of a whole body",
        "Over a whole-body field the mean SUV, air included, lies between 0.05 and 2.",
        "warning",
    ),
    Check(
        "uptake_time",
        "Uptake time",
        "The scan began 30 to 120 minutes after injection; SUV changes with that time.",
        "warning",
    ),
    Check(
        "ct_place",
        "CT and PET in the same place",
        "The CT covers the patient whom the PET shows, and lies where the PET lies.",
        "blocking",
    ),
    Check(
        "ct_values",
        "CT in Hounsfield units",
        "Air is near −1000 HU; a CT without such values was stored with another offset.",
        "warning",
    ),
    Check(
        "empty_mask",
        "Something is drawn",
        "A case without any lesion is declared so (lesion_free: yes in cases.csv), so that a "
        "forgotten mask is not taken for a healthy patient.",
        "blocking",
    ),
    Check(
        "declared_free",
        "Lesion-free as declared",
        "Nothing is drawn in a case that is declared free of lesions.",
        "warning",
    ),
    Check(
        "mask_outside_body",
        "Mask within the body",
        "What is drawn lies in the patient and not in the air around.",
        "blocking",
    ),
    Check(
        "mask_elsewhere",
        "Mask where the uptake is",
        "What is drawn lies on the uptake that it follows, and not on its mirror image.",
        "blocking",
    ),
    Check(
        "auxiliary_place",
        "Auxiliary masks in place",
        "A further mask beside the images, say on the CT's grid, agrees with the reference in "
        "place.",
        "blocking",
    ),
    Check(
        "contrast",
        "Mask against background",
        "What is drawn is hotter than the tissue around it.",
        "warning",
    ),
    Check(
        "mask_volume",
        "Volume of a mask",
        "A mask has more than a few voxels, and less than a fifth of a whole body.",
        "warning",
    ),
    Check(
        "mask_components",
        "Pieces of a mask",
        "A mask is not made of hundreds of pieces or of specks of single voxels.",
        "warning",
    ),
    Check(
        "readers_apart",
        "Readers of a case",
        "Readers who drew the same case agree on where the lesions are.",
        "warning",
    ),
    Check(
        "hotter_outside",
        "Hotter than the lesions",
        "Whether something outside the reference is hotter than everything in it: physiological "
        "uptake as a rule, now and then a lesion that was missed.",
        "information",
    ),
    Check(
        "duplicate",
        "No image twice",
        "No two cases hold the same PET image.",
        "blocking",
    ),
    Check(
        "patient_in_two_splits",
        "A patient in one split",
        "All cases of one patient lie in one split, so that nothing tested was seen in training.",
        "blocking",
    ),
    Check(
        "volume_in_cohort",
        "Volume among the others",
        "The lesion volume is of the order that the other cases have.",
        "warning",
    ),
    Check(
        "reader_outlier",
        "A reader among the readers",
        "A reader agrees with the others in this case about as well as readers do in all cases.",
        "warning",
    ),
    Check(
        "earl_mixed",
        "One EARL class in a phase",
        "Scans of EARL class 1 and 2 differ in SUV, and are not to be pooled.",
        "warning",
    ),
    Check(
        "voxel_sizes",
        "Voxel sizes",
        "Which cases have other voxels than most.",
        "information",
    ),
    Check(
        "scanners",
        "Scanners",
        "Which cases come from another scanner than most.",
        "information",
    ),
)
CHECKS: dict[str, Check] = {check.id: check for check in _CHECKS}
"""In the order in which a page shows them."""


def ordered(findings: list[QualityFinding]) -> list[QualityFinding]:
    """As the checks stand in CHECKS; of one check in the order found."""
    place = {check_id: number for number, check_id in enumerate(CHECKS)}
    return sorted(findings, key=lambda one: place[one.check_id])

"""Identifiers in a DICOM file: the tags that hold them by their meaning, and texts in all others.

After the tags of DICOM PS3.15 (Basic Application Level Confidentiality Profile).
"""

from collections.abc import Iterator
from pathlib import Path

from challenges.ingest.identifiers.found import Identifier, masked
from challenges.ingest.identifiers.texts import (
    DATE,
    INSTITUTION,
    NAME,
    is_opaque,
    search_text,
)
from evaluation.dicom import texts_in
from evaluation.errors import EvaluationError

_NAMES = {
    "PatientName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "ReferringPhysicianName",
    "ConsultingPhysicianName",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "PhysiciansOfRecord",
    "RequestingPhysician",
    "OperatorsName",
    "ResponsiblePerson",
    "ReviewerName",
    "PersonName",
    "ContentCreatorName",
}
_ALWAYS = {
    "OtherPatientIDs": "a patient's number",
    "AccessionNumber": "an accession number",
    "MedicalRecordLocator": "a patient's number",
    "PatientBirthDate": "a date of birth",
    "PatientBirthTime": "a time of birth",
    "PatientAddress": "an address",
    "PatientTelephoneNumbers": "a telephone number",
    "InstitutionName": INSTITUTION,
    "InstitutionAddress": INSTITUTION,
    "InstitutionalDepartmentName": INSTITUTION,
    "MilitaryRank": "a rank",
}
_DATES = {"StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"}
_SHIFTED = {"MODIFIED", "REMOVED"}
_DEIDENTIFIER = "CTP"
"""RSNA's de-identifying program writes numbers of its own projects under this private creator."""

_TEXT = {"PN", "LO", "SH", "ST", "LT", "UT", "UC", "DA", "DT", "UN"}
_QUIET = {"UI", "DA", "DT"}
"""Of no interest outside private tags: UIDs are opaque, and dates are judged together."""


def search_dicom(path: Path) -> Iterator[Identifier]:
    """What a file's header holds; nothing where it cannot be read, which reading its pixels tells.

    Dates of the examination count unless the file says that they were shifted or removed
    (LongitudinalTemporalInformationModified).
    """
    try:
        texts = texts_in(path)
    except EvaluationError:
        return
    shifted = any(
        one.keyword == "LongitudinalTemporalInformationModified" and one.text in _SHIFTED
        for one in texts
    )
    for one in texts:
        if one.creator == _DEIDENTIFIER or not one.text:
            continue
        for what, part in _judged(one.keyword, one.vr, one.text, shifted=shifted):
            yield Identifier(f"{path.name}: {one.tag}", what, masked(part))


def _judged(keyword: str, vr: str, text: str, *, shifted: bool) -> Iterator[tuple[str, str]]:
    if keyword in _NAMES or vr == "PN":
        if not is_opaque(text):
            yield NAME, text
    elif keyword in _ALWAYS:
        if not is_opaque(text) or any(char.isdigit() for char in text):
            yield _ALWAYS[keyword], text
    elif keyword in _DATES:
        if not shifted:
            yield DATE, text
    elif vr in _TEXT and not (keyword and vr in _QUIET):
        yield from (found for found in search_text(text) if found[0] != DATE or not shifted)

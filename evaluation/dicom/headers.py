"""What a DICOM file says of itself, for sorting files into series; its pixels are not read."""

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from evaluation.dicom.parts import rois_of, segments_of
from evaluation.dicom.reading import items_of, read_header_only, text_of

_TAGS = (
    "SOPInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "FrameOfReferenceUID",
    "SeriesDescription",
    "CorrectedImage",
    "StructureSetROISequence",
    "ReferencedFrameOfReferenceSequence",
    "SegmentSequence",
    "ReferencedSeriesSequence",
)


@dataclass(frozen=True)
class FileHeader:
    """Texts are empty where the file has none. parts: names of ROIs or segments. refers_to: UIDs of
    series. frame: UID of the frame of reference, of an RTSTRUCT the one that it refers to."""

    path: Path
    modality: str
    instance: str
    series: str
    study: str
    patient: str
    frame: str
    description: str
    corrected: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    refers_to: frozenset[str] = frozenset()


def read_header(path: Path) -> FileHeader:
    """Raises EvaluationError where the file is not DICOM or malformed."""
    dataset = read_header_only(path, tags=_TAGS)
    modality = text_of(dataset, "Modality")
    references = items_of(dataset, "ReferencedFrameOfReferenceSequence")
    frames = [text_of(one, "FrameOfReferenceUID") for one in references]
    parts = rois_of(dataset) if modality == "RTSTRUCT" else segments_of(dataset)
    return FileHeader(
        path=path,
        modality=modality,
        instance=text_of(dataset, "SOPInstanceUID"),
        series=text_of(dataset, "SeriesInstanceUID"),
        study=text_of(dataset, "StudyInstanceUID"),
        patient=text_of(dataset, "PatientID"),
        frame=text_of(dataset, "FrameOfReferenceUID") or next(iter(frames), ""),
        description=text_of(dataset, "SeriesDescription"),
        corrected=tuple(text_of(dataset, "CorrectedImage").split("\\")),
        parts=tuple(part.name for part in parts),
        refers_to=_series_named_in(dataset),
    )


def _series_named_in(dataset: Dataset) -> frozenset[str]:
    """The series that an RTSTRUCT or a SEG was drawn on."""
    named = [
        text_of(one, "SeriesInstanceUID") for one in items_of(dataset, "ReferencedSeriesSequence")
    ]
    for frame in items_of(dataset, "ReferencedFrameOfReferenceSequence"):
        for study in items_of(frame, "RTReferencedStudySequence"):
            series = items_of(study, "RTReferencedSeriesSequence")
            named += [text_of(one, "SeriesInstanceUID") for one in series]
    return frozenset(filter(None, named))

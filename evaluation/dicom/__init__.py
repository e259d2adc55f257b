"""DICOM as volumes: PET series as SUVbw, CT series as HU, contours and segments as masks.

The only package that knows pydicom.
"""

from evaluation.dicom.ct import read_ct_series
from evaluation.dicom.headers import FileHeader, read_header
from evaluation.dicom.pet import header_of, read_pet_series
from evaluation.dicom.reading import DicomRefused, is_dicom
from evaluation.dicom.rtstruct import read_rtstruct
from evaluation.dicom.seg import read_seg
from evaluation.dicom.texts import TagText, texts_in

__all__ = [
    "DicomRefused",
    "FileHeader",
    "TagText",
    "header_of",
    "is_dicom",
    "read_ct_series",
    "read_header",
    "read_pet_series",
    "read_rtstruct",
    "read_seg",
    "texts_in",
]

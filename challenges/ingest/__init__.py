"""From a folder of scans to stored cases: find, check everything, and only then keep."""

from challenges.ingest.folder import CaseFiles, FolderRefused, Survey, survey_folder
from challenges.ingest.prepare import PreparedCase, prepare_case, source_sha256

__all__ = [
    "CaseFiles",
    "FolderRefused",
    "PreparedCase",
    "Survey",
    "prepare_case",
    "source_sha256",
    "survey_folder",
]

"""A case prepared unless it is there already. No database: runs in processes of its own."""

from pathlib import Path

from accounts.identifiers import new_public_id
from challenges.definition import ChallengeDefinition
from challenges.ingest.cases import CaseFiles
from challenges.ingest.prepare import PreparedCase, prepare_case, source_sha256
from evaluation.documents import Problem

Prepared = PreparedCase | tuple[Problem, ...] | None


def prepare_if_new(
    files: CaseFiles, definition: ChallengeDefinition, dataset: Path, known: dict[str, str]
) -> tuple[Path, Prepared]:
    """The folder within ``dataset`` that it was prepared in, and the case or its problems; None
    where ``known``, the hash of each case's sources by name, has it as it is."""
    home = dataset / new_public_id()
    if files.name in known and known[files.name] == source_sha256(files, definition):
        return home, None
    return home, prepare_case(files, definition, home)

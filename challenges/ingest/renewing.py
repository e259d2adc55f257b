"""A case prepared unless it is there already. No database: runs in processes of its own."""

from dataclasses import replace
from pathlib import Path

from accounts.identifiers import new_public_id
from challenges.definition import ChallengeDefinition
from challenges.ingest.cases import CaseFiles
from challenges.ingest.identifiers import CHECK_ID, identifiers_in
from challenges.ingest.prepare import PreparedCase, prepare_case, source_sha256
from challenges.ingest.quality import QualityFinding
from evaluation.documents import Problem

Prepared = PreparedCase | tuple[Problem, ...] | None


def prepare_if_new(
    files: CaseFiles,
    definition: ChallengeDefinition,
    root: Path,
    dataset: Path,
    known: dict[str, str],
) -> tuple[Path, Prepared]:
    """The folder within ``dataset`` that it was prepared in, and the case or its problems; None
    where ``known``, the hash of each case's sources by name, has it as it is.

    root: the folder that the data came in; names above it are nobody's business.
    """
    home = dataset / new_public_id()
    if files.name in known and known[files.name] == source_sha256(files, definition):
        return home, None
    prepared = prepare_case(files, definition, home)
    if isinstance(prepared, PreparedCase):
        found = _identifiers(files, root)
        prepared = replace(prepared, findings=(*found, *prepared.findings))
    return home, prepared


def _identifiers(files: CaseFiles, root: Path) -> tuple[QualityFinding, ...]:
    """One finding for each place."""
    texts: dict[str, list[str]] = {}
    for one in identifiers_in(files, root):
        texts.setdefault(one.place, []).append(one.text)
    return tuple(
        QualityFinding(CHECK_ID, place[:200], "blocking", f"{place}: {' '.join(told)}")
        for place, told in texts.items()
    )

"""Rows of a case, of the files that were prepared for it."""

import shutil
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import F, Max

from challenges.definition import ChallengeDefinition, content_hash
from challenges.ingest import FolderRefused, PreparedCase
from challenges.models import (
    Annotation,
    Case,
    Challenge,
    Dataset,
    Finding,
    Image,
    Reader,
    Reference,
)
from challenges.selectors import reference_version
from challenges.storage import private
from evaluation.documents import Problem

log = structlog.get_logger(__name__)
FROZEN = "has been published; its data are frozen"


def reference_recipe(definition: ChallengeDefinition) -> tuple[Reference.Recipe, str]:
    """How masks of readers become what is scored against, and the hash of all that this depends on
    beside the masks themselves."""
    readers = [reader.name for reader in definition.readers]
    recipe = {1: Reference.Recipe.SINGLE, 2: Reference.Recipe.READER}.get(
        len(readers), Reference.Recipe(definition.consensus.value)
    )
    labels = definition.evaluation.labels
    return recipe, content_hash({"recipe": recipe.value, "readers": readers, "labels": labels})


def new_home(dataset: Dataset, name: str) -> Path:
    """An empty place for the files of one case; it is made by who fills it."""
    return Path(private().path(f"datasets/{dataset.public_id}/{name}"))


@transaction.atomic
def store_case(
    *, dataset: Dataset, definition: ChallengeDefinition, prepared: PreparedCase, home: Path
) -> Case:
    """The case as it was prepared in ``home``; one of the same name is replaced, with its files.

    Raises FolderRefused where the challenge is published or deleted by now: nothing is stored then.
    """
    _require_draft(dataset)
    base = f"datasets/{dataset.public_id}/{home.name}"
    files = prepared.files
    earlier = dataset.cases.filter(name=files.name).first()
    position = dataset.cases.aggregate(last=Max("position"))["last"]
    case = Case(dataset=dataset, name=files.name, position=0 if position is None else position + 1)
    if earlier is not None:
        case = earlier
        old_home = Path(private().path(str(earlier.picture))).parent
        for rows in (case.images, case.annotations, case.references, case.findings):
            rows.all().delete()
        transaction.on_commit(lambda: _remove(old_home))
    case.patient = files.patient
    case.metadata = files.metadata
    case.inputs = prepared.inputs
    # Splits may have been made here since: a table that names none takes none away.
    case.split = files.split or case.split
    case.source_sha256 = prepared.source_sha256
    case.conversion = prepared.conversion
    case.facts = prepared.facts.to_json()
    case.picture.name = f"{base}/{prepared.picture.name}"
    case.outlined.name = f"{base}/{prepared.outlined.name}"
    case.save()
    _store_files(case, prepared, definition, base)
    Finding.objects.bulk_create(
        Finding(
            case=case,
            check_id=one.check_id,
            about=one.about,
            severity=one.severity,
            text=one.text,
        )
        for one in prepared.findings
    )
    return case


def _require_draft(dataset: Dataset) -> None:
    """By a write, so that whoever publishes or deletes at this moment waits, or has been first."""
    drafts = Challenge.objects.filter(dataset=dataset, published_at=None)
    if not drafts.update(draft_version=F("draft_version")):
        raise FolderRefused([Problem(dataset.title, FROZEN)])


def _store_files(
    case: Case, prepared: PreparedCase, definition: ChallengeDefinition, base: str
) -> None:
    for modality, kept in ((Image.Modality.PET, prepared.pet), (Image.Modality.CT, prepared.ct)):
        if kept is not None:
            Image.objects.create(
                case=case,
                modality=modality,
                file=f"{base}/{kept.name}",
                sha256=kept.sha256,
                geometry=prepared.geometry,
            )
    readers = {
        name: Reader.objects.get_or_create(dataset=case.dataset, name=name)[0]
        for name, _ in prepared.annotations
    }
    for name, kept in prepared.annotations:
        Annotation.objects.create(
            case=case, reader=readers[name], file=f"{base}/{kept.name}", sha256=kept.sha256
        )
    recipe, made_by = reference_recipe(definition)
    version = reference_version(case.dataset)
    for target in prepared.references:
        Reference.objects.create(
            case=case,
            version=version,
            recipe=recipe,
            made_by=made_by,
            reader=readers[target.reader] if target.reader else None,
            file=f"{base}/{target.file.name}",
            sha256=target.file.sha256,
            volume_ml=target.volume_ml,
        )


def _remove(home: Path) -> None:
    """What cannot be removed now is found by ``services.clearing``."""
    try:
        shutil.rmtree(home)
    except OSError as error:
        log.warning("challenge.case_left_behind", folder=str(home), error=str(error))

"""Bring cases into a challenge: each one checked, written and stored whole, or not at all.

An import may stop anywhere and begin again: a case whose files have not changed since is not done
twice.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from django.db import transaction

from accounts.models import User
from challenges.definition import ChallengeDefinition
from challenges.ingest import (
    CaseFiles,
    FolderRefused,
    PreparedCase,
    Survey,
    prepare_case,
    survey_folder,
)
from challenges.ingest.renewing import prepare_if_new
from challenges.models import Challenge, DataImport, Dataset, Membership
from challenges.pooled import pooled
from challenges.services.arrivals import clear
from challenges.services.deciding import accept_all
from challenges.services.members import add_member
from challenges.services.publishing import publish
from challenges.services.quality import check_among_all
from challenges.services.storing import new_home, store_case
from challenges.storage import private
from evaluation.documents import Problem

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]


def import_challenge(
    *,
    folder: Path,
    definition_file: Path | None = None,
    organiser: User | None = None,
    processes: int = 1,
    progress: Progress | None = None,
    draft: bool = False,
    accept: str = "",
) -> tuple[Challenge, list[str]]:
    """Make a challenge from a folder, and publish it; returns it and notices of what was left out.

    Raises FolderRefused with every problem of every case, and keeps nothing then; NotReady where
    the data are right and something else is missing, and keeps a draft then. One that was stopped
    in the middle, or is a draft since, goes on where it was. draft: publish nothing. accept: the
    reason with which all findings that wait for a person are accepted. progress is called with
    (cases done, cases in all).
    """
    survey = survey_folder(folder, definition_file)
    slug = survey.definition.slug
    begun = Challenge.objects.filter(slug=slug).first()
    if begun is not None and not _goes_on(begun, folder):
        exists = f"a challenge “{slug}” exists already"
        raise FolderRefused([Problem("challenge.yaml", exists), *survey.problems])
    if survey.problems:
        raise FolderRefused([*survey.problems, *_problems_of_cases(survey)])
    if begun is None:
        challenge = _begin(survey.definition, folder, organiser)
    else:
        challenge = _take_up(begun, survey)
    problems = import_cases(
        dataset=challenge.dataset,
        definition=survey.definition,
        cases=survey.cases,
        root=folder,
        processes=processes,
        progress=progress or (lambda done, total: None),
    )
    if problems:
        discard(challenge=challenge)
        raise FolderRefused(problems)
    challenge.imports.update(state=DataImport.State.DONE)
    if accept:
        accept_all(challenge=challenge, reason=accept, by=organiser)
    if not draft:
        survey.notices += publish(challenge=challenge, by=organiser)
    log.info("challenge.imported", challenge=slug, cases=len(survey.cases))
    return challenge, survey.notices


def begin_challenge(*, document: dict[str, Any], organiser: User | None) -> Challenge:
    """An empty draft that its organiser alone sees; the slug is taken from now on."""
    title = str(document["title"])
    with transaction.atomic():
        challenge = Challenge.objects.create(
            slug=document["slug"],
            title=title,
            summary=document.get("summary", ""),
            dataset=Dataset.objects.create(title=title),
            draft=document,
        )
        if organiser is not None:
            add_member(challenge=challenge, user=organiser, role=Membership.Role.ORGANISER)
    return challenge


def discard(*, challenge: Challenge) -> None:
    """A draft and all its files, for good."""
    if challenge.published_at is not None:
        raise ValueError(f"{challenge.slug} is published")
    dataset, arriving = challenge.dataset, list(challenge.imports.all())
    home = Path(private().path(f"datasets/{dataset.public_id}"))
    with transaction.atomic():
        challenge.delete()
        dataset.delete()
    shutil.rmtree(home, ignore_errors=True)
    for row in arriving:
        clear(row)


def import_cases(
    *,
    dataset: Dataset,
    definition: ChallengeDefinition,
    cases: list[CaseFiles],
    root: Path,
    processes: int = 1,
    progress: Progress,
) -> list[Problem]:
    """Store every case that is new or has changed; returns the problems of those refused.

    Each is stored in a transaction of its own, as soon as it is ready. root: where they lie.
    """
    problems: list[Problem] = []
    known = dict(dataset.cases.values_list("name", "source_sha256"))
    work = partial(
        prepare_if_new,
        definition=definition,
        root=root,
        dataset=new_home(dataset, ""),
        known=known,
    )
    for done, (home, result) in enumerate(pooled(work, cases, processes), start=1):
        if isinstance(result, PreparedCase):
            store_case(dataset=dataset, definition=definition, prepared=result, home=home)
        elif result is not None:
            problems += result
        progress(done, len(cases))
    check_among_all(dataset=dataset)
    return problems


def _problems_of_cases(survey: Survey) -> list[Problem]:
    """For a folder that is refused anyway, so that everything that is wrong is told at once."""
    problems: list[Problem] = []
    with TemporaryDirectory(prefix="uptake-import-") as folder:
        for files in survey.cases:
            found = prepare_case(files, survey.definition, Path(folder) / str(files.position))
            problems += found if isinstance(found, tuple) else ()
    return problems


def _begin(definition: ChallengeDefinition, folder: Path, organiser: User | None) -> Challenge:
    challenge = begin_challenge(document=definition.model_dump(mode="json"), organiser=organiser)
    DataImport.objects.create(
        challenge=challenge,
        state=DataImport.State.IMPORTING,
        started_by=organiser,
        name=folder.name,
        folder=str(folder.resolve()),
    )
    return challenge


def _take_up(challenge: Challenge, survey: Survey) -> Challenge:
    """The folder may have changed since."""
    challenge.draft = survey.definition.model_dump(mode="json")
    challenge.save(update_fields=["draft"])
    challenge.dataset.cases.exclude(name__in=[files.name for files in survey.cases]).delete()
    return challenge


def _goes_on(challenge: Challenge, folder: Path) -> bool:
    """Whether it is a draft of this folder, which nobody has written on since."""
    return (
        challenge.published_at is None
        and challenge.draft_version == 0
        and challenge.imports.filter(folder=str(folder.resolve())).exists()
    )

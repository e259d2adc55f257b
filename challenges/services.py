"""Every write of what is asked."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import structlog
from django.db import transaction

from accounts.identifiers import new_public_id
from accounts.models import User
from challenges.definition import ChallengeDefinition, PhaseSpec, content_hash
from challenges.ingest import (
    CaseFiles,
    FolderRefused,
    PreparedCase,
    Survey,
    prepare_case,
    survey_folder,
)
from challenges.models import (
    Annotation,
    Case,
    Challenge,
    Dataset,
    Edition,
    Image,
    Membership,
    Phase,
    Protocol,
    Reader,
    Reference,
)
from challenges.selectors import targets_of
from challenges.storage import private
from challenges.untouched import Untouched
from evaluation import SCORER_VERSION
from evaluation.documents import Problem

log = structlog.get_logger(__name__)
MIB_PER_GIB = 1024

Progress = Callable[[int, int], None]
Prepared = PreparedCase | tuple[Problem, ...]


def import_challenge(
    *,
    folder: Path,
    definition_file: Path | None = None,
    organiser: User | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[Challenge, list[str]]:
    """Make a challenge from a folder; returns it and notices of what was left out.

    All or nothing: raises FolderRefused with every problem of every case, and keeps nothing then.
    progress is called with (cases done, cases in all).
    """
    survey = survey_folder(folder, definition_file)
    if Challenge.objects.filter(slug=survey.definition.slug).exists():
        exists = f"a challenge “{survey.definition.slug}” exists already"
        raise FolderRefused([Problem("challenge.yaml", exists), *survey.problems])
    identifier = new_public_id()
    home = Path(private().path(f"datasets/{identifier}"))
    home.mkdir(parents=True)
    try:
        prepared = _prepare_all(survey, home, processes, progress or (lambda done, total: None))
        with transaction.atomic():
            challenge = _store(survey.definition, prepared, identifier)
            if organiser is not None:
                add_member(challenge=challenge, user=organiser, role=Membership.Role.ORGANISER)
    except BaseException:
        shutil.rmtree(home)
        raise
    log.info("challenge.imported", challenge=challenge.slug, cases=len(prepared))
    return challenge, survey.notices


def _prepare_all(
    survey: Survey, home: Path, processes: int, progress: Progress
) -> list[PreparedCase]:
    prepare = partial(prepare_case, definition=survey.definition, target=home)
    results = []
    for done, result in enumerate(_map(prepare, survey.cases, processes), start=1):
        results.append(result)
        progress(done, len(survey.cases))
    problems = [problem for result in results if isinstance(result, tuple) for problem in result]
    kept = [result for result in results if isinstance(result, PreparedCase)]
    problems = survey.problems + problems + _tolerance_problems(survey, kept)
    if problems:
        raise FolderRefused(problems)
    return kept


def _tolerance_problems(survey: Survey, prepared: list[PreparedCase]) -> list[Problem]:
    """A tolerance below the voxels' size counts as wrong what no reader could draw better."""
    edge, name = max(
        ((max(one.geometry["spacing"]), one.files.name) for one in prepared), default=(0.0, "")
    )
    problems = []
    for metric in survey.definition.evaluation.shown:
        tolerance = metric.settings.get("tolerance_mm")
        if tolerance is None or edge <= float(tolerance):
            continue
        found = (
            f"{metric.id} has tolerance_mm {tolerance:g}, and the largest voxel edge is "
            f"{edge:.4g} mm (case {name})"
        )
        if metric.settings["below_voxel"]:
            survey.notices.append(f"{found}; below_voxel says that this is meant")
        else:
            remedy = "choose at least that, or say below_voxel: true"
            problems.append(Problem("challenge.yaml", f"{found}; {remedy}"))
    return problems


def _map(
    prepare: Callable[[CaseFiles], Prepared], cases: list[CaseFiles], processes: int
) -> Iterator[Prepared]:
    """Each case prepared, in order; in this process where there is to be only one."""
    if processes == 1:
        yield from map(prepare, cases)
        return
    # Spawned, not forked: the parent may hold a database connection.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(prepare, cases)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _store(
    definition: ChallengeDefinition, prepared: list[PreparedCase], identifier: str
) -> Challenge:
    challenge = Challenge.objects.create(
        slug=definition.slug, title=definition.title, summary=definition.summary
    )
    document = definition.model_dump(mode="json")
    Protocol.objects.create(
        challenge=challenge,
        version=1,
        document=document,
        protocol_hash=definition.protocol_hash(),
    )
    dataset = Dataset.objects.create(public_id=identifier, title=definition.title)
    readers = {
        reader.name: Reader.objects.create(dataset=dataset, name=reader.name)
        for reader in definition.readers
    }
    recipes = {1: Reference.Recipe.SINGLE, 2: Reference.Recipe.READER}
    recipe = recipes.get(len(readers), Reference.Recipe(definition.consensus.value))
    for one in prepared:
        _store_case(dataset, one, readers, recipe)
    for position, phase_spec in enumerate(definition.phases):
        phase = _store_phase(challenge, dataset, position, phase_spec)
        open_edition(phase=phase, definition=definition)
    return challenge


def _store_case(
    dataset: Dataset, prepared: PreparedCase, readers: dict[str, Reader], recipe: str
) -> None:
    base = f"datasets/{dataset.public_id}"
    case = Case.objects.create(
        dataset=dataset,
        name=prepared.files.name,
        patient=prepared.files.patient,
        position=prepared.files.position,
        metadata=prepared.files.metadata,
        inputs=prepared.inputs,
        picture=f"{base}/{prepared.picture.name}",
    )
    for modality, kept in ((Image.Modality.PET, prepared.pet), (Image.Modality.CT, prepared.ct)):
        if kept is not None:
            Image.objects.create(
                case=case,
                modality=modality,
                file=f"{base}/{kept.name}",
                sha256=kept.sha256,
                geometry=prepared.geometry,
            )
    for reader, kept in prepared.annotations:
        Annotation.objects.create(
            case=case, reader=readers[reader], file=f"{base}/{kept.name}", sha256=kept.sha256
        )
    for target in prepared.references:
        Reference.objects.create(
            case=case,
            version=1,
            recipe=recipe,
            reader=readers[target.reader] if target.reader else None,
            file=f"{base}/{target.file.name}",
            sha256=target.file.sha256,
            volume_ml=target.volume_ml,
        )


def _store_phase(challenge: Challenge, dataset: Dataset, position: int, spec: PhaseSpec) -> Phase:
    return Phase.objects.create(
        challenge=challenge,
        dataset=dataset,
        slug=spec.slug,
        title=spec.title,
        position=position,
        cases=spec.cases,
        opens_at=spec.opens,
        closes_at=spec.closes,
        memory_mib=round(spec.limits.memory_gib * MIB_PER_GIB),
        shm_mib=round(spec.limits.shm_gib * MIB_PER_GIB),
        tmp_mib=round(spec.limits.tmp_gib * MIB_PER_GIB),
        cpus=spec.limits.cpus,
        pids=spec.limits.pids,
        seconds_per_case=max(1, round(spec.limits.minutes_per_case * 60)),
        seconds_total=_seconds(spec.limits.hours_in_all),
        failed_in_a_row=spec.limits.failed_in_a_row,
        sandbox=spec.limits.sandbox,
        quota_submissions=spec.quota.submissions,
        quota_attempts=spec.quota.attempts,
        quota_days=spec.quota.days,
        quota_at_once=spec.quota.at_once,
    )


def _seconds(hours: float | None) -> int | None:
    return None if hours is None else max(1, round(hours * 3600))


def open_edition(*, phase: Phase, definition: ChallengeDefinition) -> Edition:
    """The edition for the present way of scoring: the same one while nothing of it changes."""
    references = Reference.objects.filter(case__dataset=phase.dataset)
    version = references.order_by("-version").values_list("version", flat=True)[:1].get()
    cases: Iterable[tuple[str, str]] = targets_of(phase.dataset, version).values_list(
        "case__name", "sha256"
    )
    scoring = definition.evaluation.model_dump(mode="json", exclude={"ranking"})
    scoring_hash = content_hash({"evaluation": scoring, "references": sorted(map(list, cases))})
    edition, _ = Edition.objects.get_or_create(
        phase=phase,
        scoring_hash=scoring_hash,
        reference_version=version,
        scorer_version=SCORER_VERSION,
        defaults={"number": phase.editions.count() + 1},
    )
    return edition


def add_member(*, challenge: Challenge, user: User, role: Membership.Role) -> Membership:
    membership, _ = Membership.objects.get_or_create(challenge=challenge, user=user, role=role)
    return membership


def reconcile(untouched: Untouched) -> int:
    """Remove folders of imports that were killed before they were stored; returns how many.

    untouched: kept from round to round.
    """
    folder = Path(private().path("datasets"))
    if not folder.is_dir():
        return 0
    found = list(folder.iterdir())
    known = set(Dataset.objects.values_list("public_id", flat=True))
    removed = 0
    for home in untouched.among(one for one in found if one.is_dir() and one.name not in known):
        shutil.rmtree(home, ignore_errors=True)
        removed += 1
        log.warning("challenge.import_abandoned", folder=home.name)
    return removed

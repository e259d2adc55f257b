"""Have the figures of a snapshot drawn: by a worker, once, and one kind at a time.

So short steps let the leaderboards of others in between. Of several snapshots that follow each
other quickly, only the last is drawn, and others when somebody opens them.
"""

from django.db import transaction
from django.db.models import F, QuerySet
from structlog import get_logger

from challenges import leases
from challenges.models import Phase
from challenges.selectors import shown_edition
from challenges.services.working import kept
from evaluation.standings.reading import uncertainty_of
from leaderboards.figures.kinds import DRAWN, Kind, kinds_of
from leaderboards.figures.names import names_of
from leaderboards.models import Drawing, Figure, Snapshot
from leaderboards.selectors import table_of
from submissions.services.hints import hint, hint_after_commit

log = get_logger(__name__)
State = Drawing.State
DRAW = "leaderboards.draw_next"
PLATFORM_FAULTS = 3
_AT_ONCE = 5


@transaction.atomic
def ask(snapshot: Snapshot) -> None:
    """Of a snapshot that has an analysis. Asked twice, it is drawn once."""
    drawing, made = Drawing.objects.get_or_create(snapshot=snapshot)
    if not made and not _of(drawing, State.PUT_OFF).update(state=State.WAITING):
        return
    if made:
        of_edition = Drawing.objects.filter(snapshot__edition=snapshot.edition_id)
        older = of_edition.filter(state=State.WAITING, snapshot__lt=snapshot.pk)
        older.update(state=State.PUT_OFF)
    hint_after_commit(DRAW)


def draw_next(*, worker: str) -> bool:
    """Draw one kind of the newest that waits; False when there is none."""
    waiting = Drawing.objects.filter(state=State.WAITING).order_by("-snapshot")
    for row in waiting.select_related("snapshot__analysis")[:_AT_ONCE]:
        if leases.claim(row, source=State.WAITING, target=State.DRAWING, worker=worker):
            _draw_one(row)
            if waiting.exists():
                hint(DRAW)
            return True
    return False


def reconcile(watch: leases.Watch) -> None:
    """Give back what a dead worker held, ask for what the newest snapshots lack, and hint again.
    watch: kept from round to round."""
    for row in watch.silent(Drawing.objects.filter(state=State.DRAWING)):
        log.warning("figures.lease_expired", row=row.pk, worker=row.leased_by)
        faults = row.platform_faults + 1
        leases.leave(
            row,
            source=State.DRAWING,
            target=State.WAITING if faults < PLATFORM_FAULTS else State.FAILED,
            platform_faults=F("platform_faults") + 1,
        )
    undrawn = Snapshot.objects.filter(analysis__isnull=False, drawing=None)
    for phase in Phase.objects.filter(editions__snapshots__in=undrawn).distinct():
        newest = Snapshot.objects.filter(edition=shown_edition(phase)).defer("document").first()
        if newest is not None and undrawn.filter(pk=newest.pk).exists():
            ask(newest)
    if Drawing.objects.filter(state=State.WAITING).exists():
        hint(DRAW)


def _draw_one(row: Drawing) -> None:
    # It costs seconds and memory that no other process of the platform has to spend.
    from leaderboards.figures.drawing import files_of

    uncertainty = uncertainty_of(row.snapshot.analysis.document)
    table = table_of(row.snapshot)
    names = names_of(uncertainty.entries, table.rows)
    metric = table.title_of(uncertainty.tested.column) if uncertainty.tested else ""
    kinds = to_draw(row, kinds_of(uncertainty))
    if not kinds:
        leases.leave(row, source=State.DRAWING, target=State.DRAWN)
        return
    kind, failed, found = kinds[0], list(row.failed), {}
    with kept(row, State.DRAWING):
        try:
            found = files_of(kind, uncertainty, names, DRAWN, metric=metric)
        except Exception:  # what this kind cannot take, the others may
            log.exception("figures.failed", row=row.pk, kind=kind.value)
            failed.append(kind.value)
    target = State.WAITING if len(kinds) > 1 else State.DRAWN
    with transaction.atomic():
        if leases.leave(row, source=State.DRAWING, target=target, failed=failed):
            Figure.objects.bulk_create(
                Figure(drawing=row, kind=kind.value, format=one.value, content=content)
                for one, content in found.items()
            )


def to_draw(row: Drawing, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Of those that can be made, which neither are drawn nor failed."""
    done = {*row.figures.values_list("kind", flat=True), *row.failed}
    return tuple(kind for kind in kinds if kind.value not in done)


def _of(drawing: Drawing, state: Drawing.State) -> QuerySet[Drawing]:
    return Drawing.objects.filter(pk=drawing.pk, state=state)

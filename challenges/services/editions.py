"""What scores can be compared."""

from django.utils import timezone

from challenges.definition import ChallengeDefinition, content_hash
from challenges.models import Edition, Phase
from challenges.selectors import reference_version, targets_of
from evaluation import SCORER_VERSION


def open_edition(*, phase: Phase, definition: ChallengeDefinition) -> Edition:
    """The edition for the present way of scoring: the same one while nothing of it changes.

    The first is ready at once; a later one when all earlier submissions are scored in it. A way of
    scoring that comes back opens an edition of its own, as the newest one is in force.
    """
    version = reference_version(phase.dataset)
    targets = targets_of(phase, version).values_list("case__name", "sha256")
    scoring = definition.evaluation.model_dump(mode="json", exclude={"ranking"})
    way = {
        "scoring_hash": content_hash(
            {"evaluation": scoring, "references": sorted(map(list, targets))}
        ),
        "reference_version": version,
        "scorer_version": SCORER_VERSION,
    }
    newest = phase.editions.order_by("-number").first()
    if newest is not None and all(getattr(newest, name) == value for name, value in way.items()):
        return newest
    return Edition.objects.create(
        phase=phase,
        number=newest.number + 1 if newest else 1,
        specification=scoring,
        specification_hash=content_hash(scoring),
        ready_at=None if newest else timezone.now(),
        **way,
    )

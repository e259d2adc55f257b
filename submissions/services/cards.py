"""What a developer tells of an algorithm: kept version by version, with everything told before."""

from collections.abc import Collection

import structlog
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from challenges.definition import AlgorithmCard
from challenges.models import Challenge
from challenges.selectors import definition_of
from challenges.services.locks import lock_row
from challenges.services.refusals import Refused
from submissions.models import AlgorithmVersion, CardRevision, Kind, Submission
from submissions.services.hints import REFRESH, hint_after_commit

log = structlog.get_logger(__name__)


class CardRefused(Refused):
    """problems are by the fields of the card."""


@transaction.atomic
def save_card(*, version: AlgorithmVersion, card: AlgorithmCard, by: User) -> bool:
    """False where it says nothing new. Who may was asked before.

    Leaderboards on which the version stands, or may stand now, are made anew. Raises CardRefused
    where it takes back what a leaderboard asks for on which the version is scored: or whoever has
    seen a worse score there could empty a field, and an earlier version would stand again.
    """
    # Of two at once the later compares with the earlier.
    lock_row(version)
    version.refresh_from_db(fields=["card"])
    document = card.model_dump(mode="json")
    if card_of(version) == card:
        return False
    scored = Submission.objects.filter(version=version, state=Submission.State.SCORED)
    if taken := _taken_back(version, card, scored):
        text = "A challenge asks for this, and the version is scored in it: change it, but say it."
        raise CardRefused(problems=dict.fromkeys(taken, text))
    version.card = document
    version.save(update_fields=["card"])
    CardRevision.objects.create(version=version, card=document, saved_by=by)
    log.info("card.saved", version=version.public_id, by=by.get_username())
    for phase in scored.order_by().values_list("phase", flat=True).distinct():
        hint_after_commit(REFRESH, phase)
    return True


def card_of(version: AlgorithmVersion) -> AlgorithmCard:
    """Fields that a card of an earlier time lacks are empty; those that are gone are left out."""
    known = {key: value for key, value in version.card.items() if key in AlgorithmCard.model_fields}
    return AlgorithmCard.model_validate(known)


def lacking(version: AlgorithmVersion, card: AlgorithmCard, asked: Collection[str]) -> list[str]:
    """Of the fields ``asked`` those that ``card`` leaves empty. Parameters that the image shows are
    counted, said or not."""
    counted = bool(version.image and version.image.weights)
    return [name for name in card.missing(sorted(asked)) if not (name == "parameters" and counted)]


def _taken_back(
    version: AlgorithmVersion, card: AlgorithmCard, scored: QuerySet[Submission]
) -> list[str]:
    """Fields that its leaderboards ask for, that it tells, and that ``card`` leaves empty."""
    if version.kind == Kind.PREDICTIONS:
        return []
    entered = scored.filter(is_baseline=False)
    challenges = Challenge.objects.filter(phases__submissions__in=entered).distinct()
    asked = {name for one in challenges for name in definition_of(one).card.required}
    told = asked.difference(lacking(version, card_of(version), asked))
    return lacking(version, card, told)

"""What a developer tells of an algorithm: kept version by version, with everything told before."""

import structlog
from django.db import transaction
from django.db.models import F

from accounts.models import User
from challenges.definition import AlgorithmCard
from submissions.models import AlgorithmVersion, CardRevision, Submission
from submissions.services.hints import REFRESH, hint_after_commit

log = structlog.get_logger(__name__)


@transaction.atomic
def save_card(*, version: AlgorithmVersion, card: AlgorithmCard, by: User) -> bool:
    """False where it says nothing new. Who may was asked before.

    Leaderboards on which the version stands, or may stand now, are made anew.
    """
    # Changes nothing, and locks the row: of two at once the later compares with the earlier.
    AlgorithmVersion.objects.filter(pk=version.pk).update(number=F("number"))
    version.refresh_from_db(fields=["card"])
    document = card.model_dump(mode="json")
    if card_of(version) == card:
        return False
    version.card = document
    version.save(update_fields=["card"])
    CardRevision.objects.create(version=version, card=document, saved_by=by)
    log.info("card.saved", version=version.public_id, by=by.get_username())
    scored = Submission.objects.filter(version=version, state=Submission.State.SCORED)
    for phase in scored.order_by().values_list("phase", flat=True).distinct():
        hint_after_commit(REFRESH, phase)
    return True


def card_of(version: AlgorithmVersion) -> AlgorithmCard:
    """Fields that a card of an earlier time lacks are empty; those that are gone are left out."""
    known = {key: value for key, value in version.card.items() if key in AlgorithmCard.model_fields}
    return AlgorithmCard.model_validate(known)

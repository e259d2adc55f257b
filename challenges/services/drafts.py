"""A definition that is being written, step by step, by one or several people."""

from typing import Any

from django.db.models import F

from challenges.models import Challenge


class WrittenMeanwhile(Exception):
    """Someone else has saved the draft since it was read."""


def save(*, challenge: Challenge, document: dict[str, Any], version: int) -> None:
    """Keep ``document``, complete or not: the first of a published challenge begins an amendment.

    version: of the draft that it was made from.

    Raises WrittenMeanwhile, and keeps nothing then.
    """
    fields: dict[str, Any] = {"draft": document, "draft_version": F("draft_version") + 1}
    if challenge.published_at is None:
        fields |= {"title": str(document.get("title", ""))[:200] or challenge.slug}
        fields |= {"summary": str(document.get("summary", ""))}
    changed = Challenge.objects.filter(pk=challenge.pk, draft_version=version).update(**fields)
    if not changed:
        raise WrittenMeanwhile
    challenge.refresh_from_db()


def drop_amendment(*, challenge: Challenge) -> None:
    Challenge.objects.filter(pk=challenge.pk).exclude(published_at=None).update(
        draft=None, draft_version=F("draft_version") + 1
    )

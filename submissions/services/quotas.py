"""Who may submit how often, and whose turn it is to run."""

from django.db.models import Count, F, OuterRef, QuerySet, Subquery

from submissions.models import Submission

_UNDER_WAY = (Submission.State.QUEUED, Submission.State.RUNNING)


def waiting_for_their_turn() -> QuerySet[Submission]:
    """Those whose submitter has as many earlier ones under way in the phase as may be at once."""
    under_way = Submission.objects.filter(state__in=_UNDER_WAY, is_baseline=False)
    earlier = (
        under_way.filter(
            submitted_by=OuterRef("submitted_by"), phase=OuterRef("phase"), pk__lt=OuterRef("pk")
        )
        .order_by()
        .values("phase")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return under_way.annotate(earlier=Subquery(earlier)).filter(
        earlier__gte=F("phase__quota_at_once")
    )

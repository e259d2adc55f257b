"""Whose turn it is to write about a person or a team: held until the transaction ends.

Each changes nothing, and locks the row, so that of two at once the later finds what the earlier
made. Whoever needs both takes the person first.
"""

from django.db.models import F

from accounts.models import User
from challenges.models import Team


def lock_person(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=F("is_active"))


def lock_team(team: Team) -> None:
    Team.objects.filter(pk=team.pk).update(created_at=F("created_at"))

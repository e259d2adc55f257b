"""Whose turn it is to write about a row: held until the transaction ends.

Of two at once, the later finds what the earlier made. Whoever needs a person and a team takes the
person first.
"""

from django.db.models import F, Model

from accounts.models import User
from challenges.models import Team


def lock_row(row: Model) -> bool:
    """Changes nothing, and locks it; False where it is gone."""
    # Not type(row): a request's user is a proxy of one.
    model = row._meta.model
    key = row._meta.pk.name
    return bool(model._base_manager.filter(pk=row.pk).update(**{key: F(key)}))


def lock_person(user: User) -> None:
    lock_row(user)


def lock_team(team: Team) -> None:
    lock_row(team)

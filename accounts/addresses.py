"""To which address a person's mail goes, if to any."""

from collections.abc import Collection

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import User


def addresses_of(people: Collection[User]) -> dict[int, str]:
    """By the person's id; who has none is not in it.

    Where mail leaves the server, only to an address that its owner has confirmed: else anybody
    could sign up with another's, and have them written to.
    """
    found = {person.pk: person.email for person in people if person.is_active and person.email}
    if not settings.MAIL_LEAVES:
        return found
    confirmed = {
        (person, address.casefold())
        for person, address in EmailAddress.objects.filter(
            user__in=found, verified=True
        ).values_list("user", "email")
    }
    return {
        person: address
        for person, address in found.items()
        if (person, address.casefold()) in confirmed
    }

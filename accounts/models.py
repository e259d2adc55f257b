from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """The project's own, so that it can grow; roles are memberships of a challenge."""

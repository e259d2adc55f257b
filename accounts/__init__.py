"""Who: users of the platform. Sign-in itself is django-allauth's."""

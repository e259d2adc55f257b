"""Random public ids: they tell nothing of order or number, and cannot be guessed."""

import secrets

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without letters and digits that look alike


def new_public_id() -> str:
    """12 signs, about 59 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))

"""Names of the tasks that challenges are hinted at by; see ``accounts.hints``."""

from accounts.hints import current_app, hint, hint_after_commit

__all__ = ["BRING_DATA", "REHEARSE", "current_app", "hint", "hint_after_commit"]

BRING_DATA = "challenges.bring_data"
REHEARSE = "challenges.rehearse"

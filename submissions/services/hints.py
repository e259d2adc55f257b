"""Names of the tasks that submissions are hinted at by; see ``challenges.hints``."""

from challenges.hints import hint, hint_after_commit

__all__ = ["CHECK", "COMPARE", "REFRESH", "RUN", "SCORE", "TELL", "hint", "hint_after_commit"]

CHECK = "submissions.check_next"
RUN = "submissions.run_next"
SCORE = "submissions.score_next"
COMPARE = "submissions.compare"
REFRESH = "leaderboards.refresh"
TELL = "submissions.tell"

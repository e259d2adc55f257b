from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id
from challenges.models import Leased, Phase, Team
from submissions.models.algorithm import AlgorithmVersion


class Submission(Leased):
    """One algorithm version in one phase, on its way to a score or another honest end.

    team: the one that its submitter was in at that time; null for a person alone. is_baseline:
    entered by the challenge's organisers for comparison. The reason (code, text,
    stage, owner) says why it did not get there. A re-run is a row of its own, so that the record of
    the earlier one stays: it names that one, counts attempt upwards, and keeps its entered_at, so
    that it takes that one's place and no other's.
    """

    class State(models.TextChoices):
        RECEIVED = "received", "received"
        CHECKING = "checking", "checking"
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        SCORING = "scoring", "scoring"
        SCORED = "scored", "scored"
        REJECTED = "rejected", "rejected"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    ENDS = (State.SCORED, State.REJECTED, State.FAILED, State.CANCELLED)

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    version = models.ForeignKey(
        AlgorithmVersion, on_delete=models.PROTECT, related_name="submissions"
    )
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="submissions")
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="submissions")
    is_baseline = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.RECEIVED)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True)
    reason_stage = models.CharField(max_length=20, blank=True)
    reason_owner = models.CharField(max_length=20, blank=True)
    platform_faults = models.PositiveIntegerField(default=0)
    rerun_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="rerun"
    )
    attempt = models.PositiveIntegerField(default=1)
    log_released_at = models.DateTimeField(null=True)
    log_released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    entered_at = models.DateTimeField(default=timezone.now)
    received_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-received_at", "-pk"]
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return self.public_id

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDS


class Similarity(models.Model):
    """Two submissions to a phase whose masks are nearly the same, for its organisers to look at.

    dice: mean over the cases in which either drew anything, cases of them. The row of a submission
    with itself says that it was compared with all that ended before.
    """

    first = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="+")
    dice = models.FloatField()
    cases = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-dice"]
        constraints = [models.UniqueConstraint(fields=["first", "second"], name="one_pair_once")]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"

"""What was found in the data, what a person decided about it, and imports under way."""

from django.conf import settings
from django.db import models

from accounts.identifiers import new_public_id
from challenges.models.challenge import Challenge
from challenges.models.dataset import Case
from challenges.models.leased import Leased
from challenges.storage import untrusted


class Finding(models.Model):
    """One result of a check of one case, and what became of it.

    check_id and text: ``ingest.quality``. about: what within the case it speaks of (a reader, a
    file, the CT); empty for the case. A blocking finding that is open keeps the challenge from
    being published. It is fixed by a new import of the case (the row is gone then), or accepted or
    settled by excluding the case, each with a reason.
    """

    class Severity(models.TextChoices):
        BLOCKING = "blocking", "to be decided"
        WARNING = "warning", "warning"
        INFORMATION = "information", "information"

    class State(models.TextChoices):
        OPEN = "open", "open"
        ACCEPTED = "accepted", "accepted"
        EXCLUDED = "excluded", "case excluded"

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="findings")
    check_id = models.CharField(max_length=60)
    about = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=20, choices=Severity.choices)
    text = models.TextField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["case", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "check_id", "about"], name="one_finding_a_check_and_thing"
            )
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.check_id}"


class Decision(models.Model):
    """The record of what people decided about the data; it is never changed.

    what: "accepted", "excluded", "included", "split". case: its name, as a case may go.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="decisions")
    case = models.CharField(max_length=100, blank=True)
    what = models.CharField(max_length=20)
    about = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.challenge_id} {self.case} {self.what}"


class DataImport(Leased):
    """Data on their way into a challenge: an uploaded archive, or a folder on the server.

    archive: the upload, size_bytes long, of which received_bytes are there. folder: a path on this
    server instead, given on the command line only. survey: what was found in it
    (``ingest.layouts``), which a person confirms before anything is stored. choices: what that
    person chose. problems: what keeps it, or single cases, from being imported. cases_done of
    cases_total are stored.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", "receiving"
        RECEIVED = "received", "waiting to be looked through"
        SURVEYING = "surveying", "being looked through"
        SURVEYED = "surveyed", "to be confirmed"
        QUEUED = "queued", "queued"
        IMPORTING = "importing", "importing"
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        CANCELLED = "cancelled", "cancelled"

    WAITING = (State.RECEIVED, State.QUEUED)
    STORING = (State.QUEUED, State.IMPORTING)
    WORKING = (State.SURVEYING, State.IMPORTING)
    ENDS = (State.DONE, State.REFUSED, State.CANCELLED)

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="imports")
    state = models.CharField(max_length=20, choices=State.choices, default=State.RECEIVING)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    name = models.CharField(max_length=200)
    archive = models.FileField(storage=untrusted, max_length=300, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    received_bytes = models.PositiveBigIntegerField(default=0)
    folder = models.CharField(max_length=1000, blank=True)
    choices = models.JSONField(default=dict)
    survey = models.JSONField(default=dict)
    problems = models.JSONField(default=list)
    notices = models.JSONField(default=list)
    cases_done = models.PositiveIntegerField(default=0)
    cases_total = models.PositiveIntegerField(default=0)
    platform_faults = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return self.public_id

"""What organisers announce, and what is asked and answered."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id
from challenges.models.challenge import Challenge


class Announcement(models.Model):
    """Of the organisers, to everyone. One that was withdrawn is seen by organisers alone."""

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="announcements")
    title = models.CharField(max_length=200)
    text = models.TextField()
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-published_at", "-pk"]

    def __str__(self) -> str:
        return self.public_id


class Moderated(models.Model):
    """What an organiser may hide, with a reason that its author reads; null while it is shown.

    folded: title and text casefolded, to be searched alike on every database.
    """

    text = models.TextField()
    folded = models.TextField()
    hidden_at = models.DateTimeField(null=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    hidden_because = models.TextField(blank=True)

    class Meta:
        abstract = True


class Question(Moderated):
    """Asked by whoever is signed in, for everyone to read. closed_at: no answers from then on."""

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="questions")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="questions"
    )
    title = models.CharField(max_length=200)
    asked_at = models.DateTimeField(default=timezone.now)
    is_pinned = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-is_pinned", "-asked_at", "-pk"]

    def __str__(self) -> str:
        return self.public_id


class Answer(Moderated):
    """by_organiser: of one who organised the challenge when it was written."""

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="answers")
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="answers"
    )
    by_organiser = models.BooleanField(default=False)
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["written_at", "pk"]

    def __str__(self) -> str:
        return self.public_id

"""Who: people, the tokens by which their programs speak for them, and what they are told."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id


class User(AbstractUser):
    """The project's own, so that it can grow; roles are memberships of a challenge."""


class Token(models.Model):
    """A secret that lets a program act for its owner, within scopes (``accounts.tokens.SCOPES``).

    Only the secret's SHA-256 is kept. public_id stands in the token's text too, so that it can be
    found. expires_at: null for never.
    """

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(max_length=100)
    scopes = models.JSONField()
    secret_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} of {self.owner_id}"


class Event(models.Model):
    """Something that was told: once for each key, whoever it was told to.

    It is written with its notices, in one transaction, so that whatever is tried again after a
    process died finds either all of them or none.
    """

    BEGINNING = "beginning"
    """The key of the row that tells since when there are notices: nothing older is told."""

    key = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.key


class Notice(models.Model):
    """One thing that one person is told.

    subject and text are plain; link is a path of this platform. in_inbox: the person wants this
    kind there. Its mail is claimed by a conditional UPDATE to “sending”, which counts mail_tries;
    mail_after: when it may be tried (again). mail_refusals: how often a server answered that it
    does not take it, which is given up in the end; a server that does not answer is waited for.
    """

    class Kind(models.TextChoices):
        SUBMISSION = "submission", "A submission ended"
        PHASE = "phase", "A phase opens or closes"
        AMENDMENT = "amendment", "A challenge is amended"
        EDITION = "edition", "Scores change: a new edition"
        ANNOUNCEMENT = "announcement", "Announcements"
        ANSWER = "answer", "Your questions and answers"
        REGISTRATION = "registration", "Your registration is decided"
        WAITING = "waiting", "For organisers: registrations and questions"

    class Mail(models.TextChoices):
        NONE = "none", "none"
        WAITING = "waiting", "waiting"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        FAILED = "failed", "given up"

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="notices")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    link = models.CharField(max_length=300)
    in_inbox = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    mail_state = models.CharField(max_length=10, choices=Mail.choices, default=Mail.NONE)
    mail_after = models.DateTimeField(default=timezone.now)
    mail_claimed_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_tries = models.PositiveIntegerField(default=0)
    mail_refusals = models.PositiveIntegerField(default=0)
    mail_error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["event", "person"], name="one_notice_of_an_event")
        ]
        indexes = [
            models.Index(
                fields=["person"],
                condition=models.Q(read_at=None, in_inbox=True),
                name="notices_unread",
            ),
            models.Index(fields=["person", "-created_at"], name="notices_of_a_person"),
            models.Index(
                fields=["mail_after"],
                condition=models.Q(mail_state__in=("waiting", "sending", "failed")),
                name="mails_on_their_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.person_id}"


class NoticeChoice(models.Model):
    """Where a person wants one kind of notices. No row: both in the inbox and by e-mail."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_choices"
    )
    kind = models.CharField(max_length=20, choices=Notice.Kind.choices)
    in_inbox = models.BooleanField(default=True)
    by_mail = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "kind"], name="one_choice_a_kind")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}"

"""Who takes part: teams, and who registered."""

from django.conf import settings
from django.db import models

from accounts.identifiers import new_public_id
from challenges.models.challenge import Challenge


def new_invitation() -> str:
    return new_public_id() + new_public_id()


class Team(models.Model):
    """People who take part as one: they share a quota, their submissions and a row.

    invitation: the secret of the link that lets others join; empty where none is given out.
    institute: where its members work, in their own words. is_of_organisers: of an institute that
    organises the challenge, so its entries are shown without a rank; flagged says by whom:
    "institute" or "member" (found so when it was made, changed or joined; kept when they leave), or
    "organiser" (decided by flagged_by; nothing else changes it from then on).
    A team that everyone has left stays for its submissions.
    """

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=100)
    institute = models.CharField(max_length=200, blank=True)
    invitation = models.CharField(max_length=24, blank=True, default=new_invitation)
    is_of_organisers = models.BooleanField(default=False)
    flagged = models.CharField(max_length=20, blank=True)
    flagged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    flagged_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "name"], name="team_name_once"),
            models.UniqueConstraint(
                fields=["invitation"],
                condition=~models.Q(invitation=""),
                name="invitation_of_one_team",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """challenge repeats the team's, so that the database holds one to one team a challenge.

    The row goes when a person leaves.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="teams"
    )
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["joined_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "user"], name="one_team_a_challenge")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class Registration(models.Model):
    """A person's wish to take part in a challenge that asks for it.

    answers: by question. institute: where that person works. decided_by and note: of the organiser
    who approved or declined; null where the challenge approves by itself.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for approval"
        APPROVED = "approved", "approved"
        DECLINED = "declined", "declined"

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="registrations")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="registrations"
    )
    institute = models.CharField(max_length=200, blank=True)
    answers = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    note = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "user"], name="one_registration_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} for {self.challenge_id}"

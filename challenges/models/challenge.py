"""A challenge, its frozen definition, its phases, and who does what in it."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Challenge(models.Model):
    """published_at: null while it is prepared, and seen by its members alone.

    draft: a definition that is being written, as JSON in the layout of challenge.yaml, complete or
    not: of the first protocol, or of an amendment; null where none is. draft_version counts its
    changes, so that of two who write at once the later one learns of it.
    """

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=200)
    summary = models.TextField()
    dataset = models.OneToOneField(
        "challenges.Dataset", on_delete=models.PROTECT, related_name="challenge"
    )
    draft = models.JSONField(null=True)
    draft_version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.slug


class Protocol(models.Model):
    """The definition of a challenge in one version, frozen and hashed.

    document: ``challenges.definition.ChallengeDefinition`` as JSON. data: what else is frozen with
    it (``services.freezing.data_of``). protocol_hash: SHA-256 over both, and over frozen_at.
    reason: why an amendment was made, for everyone to read; empty for the first.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="protocols")
    version = models.PositiveIntegerField()
    document = models.JSONField()
    data = models.JSONField(default=dict)
    protocol_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    frozen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "version"], name="one_protocol_a_version")
        ]

    def __str__(self) -> str:
        return f"{self.challenge_id} v{self.version}"


class Membership(models.Model):
    """One role of one person in one challenge."""

    class Role(models.TextChoices):
        ORGANISER = "organiser", "organiser"
        CO_ORGANISER = "co_organiser", "co-organiser"
        DEVELOPER = "developer", "developer"
        READER = "reader", "reader"
        STEWARD = "steward", "steward"
        REVIEWER = "reviewer", "reviewer"

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["challenge", "user", "role"], name="one_role_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.challenge_id}"


def container_alone() -> list[str]:
    return ["container"]


class Phase(models.Model):
    """A time and a set of cases in which submissions are taken, with the limits of a run.

    split: its cases are those of the dataset with the same word; empty for all. gives_away: its
    cases may be downloaded; kind training takes no submissions.
    Limits of a whole submission: seconds_total of its containers together, failed_in_a_row of its
    cases. Quotas are per person: submissions that are scored, and attempts of any end, within any
    quota_days; at_once under way. A null is no limit. takes: what may be submitted,
    "container" and "predictions". leaderboard: what of it is shown, and when
    (``challenges.visibility``).
    """

    class Sandbox(models.TextChoices):
        ANY = "any", "gVisor where the host has it"
        GVISOR = "gvisor", "gVisor required"

    class Cases(models.TextChoices):
        PUBLIC = "public", "public"
        HIDDEN = "hidden", "hidden"

    class Kind(models.TextChoices):
        TRAINING = "training", "training data"
        SANITY = "sanity", "sanity phase"
        PRELIMINARY = "preliminary", "preliminary test"
        FINAL = "final", "final test"
        BENCHMARK = "benchmark", "open-ended benchmark"

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="phases")
    dataset = models.ForeignKey(
        "challenges.Dataset", on_delete=models.PROTECT, related_name="phases"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.BENCHMARK)
    takes = models.JSONField(default=container_alone)
    leaderboard = models.JSONField(default=dict)
    split = models.CharField(max_length=40, blank=True)
    gives_away = models.BooleanField(default=False)
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    position = models.PositiveIntegerField()
    cases = models.CharField(max_length=10, choices=Cases.choices)
    opens_at = models.DateTimeField(null=True)
    closes_at = models.DateTimeField(null=True)
    memory_mib = models.PositiveIntegerField()
    shm_mib = models.PositiveIntegerField()
    tmp_mib = models.PositiveIntegerField()
    cpus = models.PositiveIntegerField()
    pids = models.PositiveIntegerField()
    seconds_per_case = models.PositiveIntegerField()
    seconds_total = models.PositiveIntegerField(null=True)
    failed_in_a_row = models.PositiveIntegerField(null=True)
    sandbox = models.CharField(max_length=10, choices=Sandbox.choices, default=Sandbox.ANY)
    quota_submissions = models.PositiveIntegerField(null=True)
    quota_attempts = models.PositiveIntegerField(null=True)
    quota_days = models.PositiveIntegerField(default=7)
    quota_at_once = models.PositiveIntegerField(null=True, default=1)

    class Meta:
        ordering = ["challenge", "position"]
        constraints = [
            models.UniqueConstraint(fields=["challenge", "slug"], name="phase_slug_once")
        ]

    def __str__(self) -> str:
        return f"{self.challenge_id}/{self.slug}"

    @property
    def is_hidden(self) -> bool:
        return self.cases == self.Cases.HIDDEN


class Edition(models.Model):
    """What scores can be compared: one scoring hash, reference version and scorer version.

    specification: labels, metrics and rules, as ``evaluation.spec.EvaluationSpec`` in JSON without
    the ranking, and its hash, so that results can be taken over from an edition that differs in its
    cases alone. ready_at: null until every earlier submission is scored in
    it; the one before is shown until then.
    """

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="editions")
    number = models.PositiveIntegerField()
    scoring_hash = models.CharField(max_length=64)
    reference_version = models.PositiveIntegerField()
    scorer_version = models.CharField(max_length=20)
    specification = models.JSONField()
    specification_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["phase", "number"], name="one_edition_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.phase_id} edition {self.number}"

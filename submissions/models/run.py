"""One container on one case, each try at it, the mask that came out, and its scores."""

from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id
from challenges.models import Case, Edition, Leased, Reference
from challenges.storage import private
from submissions.models.submission import Submission


class Run(Leased):
    """One submission on one case, in one variant of the input, for the repeat-th time.

    reason: why there is no usable mask; empty when there is one. eligible_at: not to be tried
    before, after a fault of the platform.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for the first case"
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        COLLECTED = "collected", "waiting to be scored"
        SCORING = "scoring", "scoring"
        DONE = "done", "done"
        CANCELLED = "cancelled", "cancelled"

    EXECUTED = (State.COLLECTED, State.SCORING, State.DONE)
    ENDS = (State.DONE, State.CANCELLED)

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="runs")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="runs")
    variant = models.CharField(max_length=40, default="original")
    repeat = models.PositiveIntegerField(default=0)
    is_canary = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True)
    platform_faults = models.PositiveIntegerField(default=0)
    eligible_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["submission", "case__position", "variant", "repeat"]
        indexes = [models.Index(fields=["state"])]
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "case", "variant", "repeat"], name="one_run_a_case"
            )
        ]

    def __str__(self) -> str:
        return self.public_id


class Attempt(models.Model):
    """One try at a run, and everything that the platform observed of it.

    fence: the number that the worker's claim got. peak_memory_bytes and cpu_seconds are null where
    unknown; measured says how they were come by: "kernel" (its own count) or "sampled"
    (the true peak may be higher). sandbox: what contained it, "none" for a plain process. warning:
    what its developer should know of a success. stages: seconds by stage.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    fence = models.PositiveIntegerField()
    worker = models.CharField(max_length=200)
    sandbox = models.CharField(max_length=40, blank=True)
    image_digest = models.CharField(max_length=64, blank=True)
    limits = models.JSONField(default=dict)
    input_sha256 = models.CharField(max_length=64, blank=True)
    output_sha256 = models.CharField(max_length=64, blank=True)
    claimed_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)
    exit_code = models.IntegerField(null=True)
    signal = models.PositiveIntegerField(null=True)
    out_of_memory = models.BooleanField(default=False)
    peak_memory_bytes = models.BigIntegerField(null=True)
    cpu_seconds = models.FloatField(null=True)
    measured = models.CharField(max_length=20, blank=True)
    warning = models.TextField(blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True)
    reason_owner = models.CharField(max_length=20, blank=True)
    log = models.TextField(blank=True)
    stages = models.JSONField(default=dict)

    class Meta:
        ordering = ["run", "fence"]
        constraints = [models.UniqueConstraint(fields=["run", "fence"], name="one_attempt_a_claim")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.fence}"


class Prediction(models.Model):
    """A mask that was accepted: decoded, re-encoded and kept, so re-scoring never re-runs.

    sha256: ``evaluation.volumes.Volume.sha256`` of the label values. sketch: what
    ``evaluation.similarity`` compares it by. outputs: the declared JSON files, by name. How sure
    the algorithm is, where it was asked and said so: probability, a map in whole steps
    (``evaluation.maps``), with its hash; or stated, one probability. Both are as private as the
    mask.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="prediction")
    attempt = models.OneToOneField(Attempt, on_delete=models.CASCADE, related_name="prediction")
    file = models.FileField(storage=private, max_length=300)
    sha256 = models.CharField(max_length=64)
    sketch = models.BinaryField(default=bytes)
    outputs = models.JSONField(default=dict)
    probability = models.FileField(storage=private, max_length=300, blank=True)
    probability_sha256 = models.CharField(max_length=64, blank=True)
    stated = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.run_id}"


class CaseResult(models.Model):
    """The scores of one run against one target in one edition; prediction is null for a failure.

    metrics[metric][label] = {value, worst}: value null where not applicable, worst what a missing
    result counts as. counts[label]: ``evaluation.counts.Counts``, for metrics over the cohort.
    Volumes in ml by label. seconds: what scoring took. scored_with: versions of the scorer and of
    the libraries that it counted with.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    prediction = models.ForeignKey(
        Prediction, on_delete=models.CASCADE, null=True, related_name="results"
    )
    target = models.ForeignKey(Reference, on_delete=models.PROTECT, related_name="results")
    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="results")
    reason_code = models.CharField(max_length=60, blank=True)
    metrics = models.JSONField()
    counts = models.JSONField(default=dict)
    scored_with = models.JSONField(default=dict)
    reference_ml = models.JSONField()
    prediction_ml = models.JSONField()
    seconds = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "target", "edition"], name="one_result_a_target_and_edition"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id} in {self.edition_id}"

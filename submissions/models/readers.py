"""Readers as if they were entries, and entries against each reader alone."""

from django.db import models
from django.utils import timezone

from challenges.models import Annotation, Edition, Leased, Reader
from submissions.models.run import Prediction, Run


class CrossScoring(Leased):
    """One scoring of an edition that nobody waits for: of a reader's mask against the other
    readers of its case, or of a run against each single reader.

    refused: why no scores can be had of it, in a sentence; empty where there are some.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SCORING = "scoring", "scoring"
        DONE = "done", "done"

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="cross_scorings")
    annotation = models.ForeignKey(
        Annotation, on_delete=models.CASCADE, null=True, related_name="cross_scorings"
    )
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="cross_scorings")
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    refused = models.TextField(blank=True)
    platform_faults = models.PositiveIntegerField(default=0)
    eligible_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["state"])]
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "annotation"], name="one_cross_scoring_an_annotation"
            ),
            models.UniqueConstraint(fields=["edition", "run"], name="one_cross_scoring_a_run"),
            models.CheckConstraint(
                condition=models.Q(annotation=None) ^ models.Q(run=None),
                name="of_an_annotation_or_a_run",
            ),
        ]

    def __str__(self) -> str:
        what = f"run {self.run_id}" if self.run_id else f"annotation {self.annotation_id}"
        return f"{what} in {self.edition_id}"


class CrossScores(models.Model):
    """Scores against one mask, in the shapes of a CaseResult."""

    metrics = models.JSONField()
    counts = models.JSONField(default=dict)
    scored_with = models.JSONField(default=dict)
    reference_ml = models.JSONField()
    prediction_ml = models.JSONField()
    seconds = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class ReaderResult(CrossScores):
    """The scores of one reader's mask against one reference made of the others alone.

    against: the other reader whose mask that is; null for a consensus of three or more.
    target_sha256: of that mask; of a consensus, of the recipe and the masks that it is made of.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="reader_results")
    annotation = models.ForeignKey(Annotation, on_delete=models.PROTECT, related_name="results")
    against = models.ForeignKey(Reader, on_delete=models.PROTECT, null=True, related_name="+")
    target_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "annotation"],
                condition=models.Q(against=None),
                name="one_reader_result_against_a_consensus",
            ),
            models.UniqueConstraint(
                fields=["edition", "annotation", "against"],
                name="one_reader_result_against_a_reader",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.annotation_id} in {self.edition_id}"


class AgainstReader(CrossScores):
    """The scores of one run against one reader's mask; prediction is null for a failure.

    Only where that mask is not itself a target of the edition: then a CaseResult says it.
    """

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="against_readers")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="against_readers")
    annotation = models.ForeignKey(
        Annotation, on_delete=models.PROTECT, related_name="runs_against"
    )
    prediction = models.ForeignKey(
        Prediction, on_delete=models.CASCADE, null=True, related_name="against_readers"
    )
    reason_code = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "run", "annotation"], name="one_result_against_a_reader"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id} against {self.annotation_id} in {self.edition_id}"

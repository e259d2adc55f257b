from django.db import models

from challenges.models import Edition, Leased, Phase
from submissions.models import Submission


class Basis(models.Model):
    """On which cases, as they were known, states of a leaderboard stand.

    cases: by primary key as text, [patient, hash of what is known of the case]; digest: of that.
    """

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    cases = models.JSONField()

    class Meta:
        verbose_name_plural = "bases"
        constraints = [
            models.UniqueConstraint(fields=["phase", "digest"], name="one_basis_a_digest")
        ]

    def __str__(self) -> str:
        return f"{self.phase_id} {self.digest[:12]}"


class Snapshot(models.Model):
    """A leaderboard as it stood: each published state is kept.

    results_hash: of the results it was made from; document: ``leaderboards.tables.Table`` as JSON.
    content_hash: of document, slices and analysis, by which anyone can tell that it is unchanged;
    empty for those from before there was one, as basis is null.
    """

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="snapshots")
    basis = models.ForeignKey(Basis, on_delete=models.RESTRICT, null=True, related_name="snapshots")
    results_hash = models.CharField(max_length=64)
    content_hash = models.CharField(max_length=64, blank=True)
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["edition", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.edition_id} {self.created_at}"


class Slice(models.Model):
    """The same leaderboard on one group of the cases.

    withheld: not shown to the public, as it stands on too few patients of a hidden phase.
    """

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="slices")
    position = models.PositiveIntegerField()
    grouping = models.CharField(max_length=100)
    label = models.CharField(max_length=200)
    cases = models.PositiveIntegerField()
    patients = models.PositiveIntegerField()
    withheld = models.BooleanField()
    document = models.JSONField()

    class Meta:
        ordering = ["snapshot", "position"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "grouping", "label"], name="one_slice_each")
        ]

    def __str__(self) -> str:
        return f"{self.snapshot_id} {self.grouping}={self.label}"


class Analysis(models.Model):
    """How sure a snapshot's ranks are: ``evaluation.standings.Uncertainty`` as JSON."""

    snapshot = models.OneToOneField(Snapshot, on_delete=models.CASCADE, related_name="analysis")
    document = models.JSONField()

    def __str__(self) -> str:
        return f"{self.snapshot_id}"


class Drawing(Leased):
    """The figures of a snapshot's analysis, drawn once, by a worker, one kind at a time.

    put_off: a newer snapshot came first; drawn when somebody opens it. failed: kinds that could not
    be drawn; not tried again, as the same numbers would fail again.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DRAWING = "drawing"
        DRAWN = "drawn"
        PUT_OFF = "put_off"
        FAILED = "failed"

    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    snapshot = models.OneToOneField(Snapshot, on_delete=models.CASCADE, related_name="drawing")
    failed = models.JSONField(default=list)
    platform_faults = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"figures of {self.snapshot_id}"


class Figure(models.Model):
    """One file of a drawing: all of it, or no row."""

    drawing = models.ForeignKey(Drawing, on_delete=models.CASCADE, related_name="figures")
    kind = models.CharField(max_length=40)
    format = models.CharField(max_length=10)
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drawing", "kind", "format"], name="one_file_a_figure_and_format"
            )
        ]

    def __str__(self) -> str:
        return f"{self.drawing_id} {self.kind}.{self.format}"


class Scores(models.Model):
    """An entry's case results in one edition, as arrays: read at once, where rows would be many.

    made_of: of the results that it was made from. cases: primary keys, in the arrays' order;
    targets: how many. values: float64 ``[2, targets, cases, columns]``, what was measured and what
    a missing result counts as, NaN where that does not apply. failed: places of cases without a
    usable result. counts: by target and case, then by label (``evaluation.counts.Counts``), where a
    metric over the cohort needs them. seconds: mean of the cases that were run; peak_memory_bytes:
    the largest of them.
    """

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="scores")
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="scores")
    made_of = models.CharField(max_length=64)
    cases = models.JSONField()
    targets = models.PositiveIntegerField()
    values = models.BinaryField()
    failed = models.JSONField()
    counts = models.JSONField(default=list)
    seconds = models.FloatField(null=True)
    peak_memory_bytes = models.BigIntegerField(null=True)
    sandboxed = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "submission"], name="one_array_an_entry_and_edition"
            )
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} in {self.edition_id}"

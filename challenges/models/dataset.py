"""Cases, their images, what readers drew, and the reference derived from it."""

from django.db import models

from accounts.identifiers import new_public_id
from challenges.storage import private


class Dataset(models.Model):
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    title = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.title


class Case(models.Model):
    """One examination of one patient.

    name: the organiser's own id. metadata: the columns of cases.csv (centre, scanner, tracer, …).
    inputs: the challenge's further inputs, JSON by name, which containers are given.
    split: which phases it belongs to. source_sha256: of the files that it was made from, so that an
    import begun again knows what it has. picture: a coronal maximum-intensity projection of the
    PET; outlined: the same with the outline of each reader. conversion: how DICOM became SUV
    (``ingest.dicom``); empty for images that came as SUV. facts: what was measured at ingest
    (``ingest.quality.Facts``). excluded_at: of no phase since then, for the reason given.
    """

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="cases")
    name = models.CharField(max_length=100)
    patient = models.CharField(max_length=100)
    position = models.PositiveIntegerField()
    metadata = models.JSONField(default=dict)
    inputs = models.JSONField(default=dict)
    split = models.CharField(max_length=40, blank=True)
    source_sha256 = models.CharField(max_length=64, blank=True)
    picture = models.FileField(storage=private, max_length=300)
    outlined = models.FileField(storage=private, max_length=300, blank=True)
    conversion = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    excluded_at = models.DateTimeField(null=True)
    excluded_because = models.TextField(blank=True)

    class Meta:
        ordering = ["dataset", "position"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "name"], name="case_name_once"),
            models.UniqueConstraint(fields=["dataset", "position"], name="case_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Image(models.Model):
    """One modality on the PET grid, as MetaImage: PET float32 SUVbw (g/ml), CT int16 (HU).

    sha256, here and below: ``evaluation.volumes.Volume.sha256``, of pixels and grid.
    """

    class Modality(models.TextChoices):
        PET = "pet", "PET"
        CT = "ct", "CT"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="images")
    modality = models.CharField(max_length=10, choices=Modality.choices)
    file = models.FileField(storage=private, max_length=300)
    sha256 = models.CharField(max_length=64)
    geometry = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "modality"], name="one_image_a_modality")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.modality}"


class Reader(models.Model):
    """An expert who annotated cases of a dataset."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="readers")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="reader_name_once")]

    def __str__(self) -> str:
        return self.name


class Annotation(models.Model):
    """One reader's mask of one case; repeat counts repeated reads."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="annotations")
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="annotations")
    repeat = models.PositiveIntegerField(default=0)
    file = models.FileField(storage=private, max_length=300)
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "reader", "repeat"], name="one_read_a_repeat")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.reader_id}"


class Reference(models.Model):
    """What is scored against: derived from annotations by a recipe, in a version.

    made_by: hash of all that the recipe was given beside the masks; where it differs from the
    definition's, the reference is to be made anew. reader is set where the target is that one
    reader's mask: of two readers there is no consensus.
    """

    class Recipe(models.TextChoices):
        SINGLE = "single", "one reader"
        MAJORITY = "majority", "strict majority of readers"
        STAPLE = "staple", "STAPLE of readers"
        READER = "reader", "one of two readers"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="references")
    version = models.PositiveIntegerField()
    recipe = models.CharField(max_length=20, choices=Recipe.choices)
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, null=True, related_name="+")
    made_by = models.CharField(max_length=64)
    file = models.FileField(storage=private, max_length=300)
    sha256 = models.CharField(max_length=64)
    volume_ml = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "version"],
                condition=models.Q(reader=None),
                name="one_consensus_a_version",
            ),
            models.UniqueConstraint(
                fields=["case", "version", "reader"], name="one_reader_reference_a_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} v{self.version} {self.recipe}"

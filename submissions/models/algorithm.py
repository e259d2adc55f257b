"""An algorithm, its versions, and the container image that a version is."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id
from challenges.models import Phase
from challenges.storage import untrusted


class Kind(models.TextChoices):
    """What is submitted."""

    CONTAINER = "container", "container"
    PREDICTIONS = "predictions", "predictions"


class Algorithm(models.Model):
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="algorithms"
    )
    title = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "title"], name="algorithm_title_once")
        ]

    def __str__(self) -> str:
        return self.title


class Upload(models.Model):
    """A file on its way in, or as it came in: an image's tarball, or a zip of masks.

    The file goes once it is of no more use; its hash stays. sha256: of what arrived, empty until
    that is known; promised_sha256: what its sender said, empty where nothing was. phase: what it is
    meant for, asked before the first byte. touched_at: when its last part came.
    """

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    file = models.FileField(storage=untrusted, max_length=300, blank=True)
    name = models.CharField(max_length=200)
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, null=True, related_name="uploads")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.CONTAINER)
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    promised_sha256 = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class ContainerImage(models.Model):
    """An image that passed the checks, as its canonical, untagged archive.

    digest: SHA-256 (hex) of the image's config. config: ``sandbox.archive.ImageConfig`` as JSON.
    weights: files whose parameters could be counted, each with path and parameters.
    """

    digest = models.CharField(max_length=64, unique=True)
    file = models.FileField(storage=untrusted, max_length=300)
    archive_bytes = models.BigIntegerField()
    unpacked_bytes = models.BigIntegerField()
    config = models.JSONField()
    weights = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]


class AlgorithmVersion(models.Model):
    """What can be submitted: an uploaded image, or (program) a baseline of the project itself.

    kind: predictions are masks that were made elsewhere; such a version has no image. card: what
    its developer declares of it. writable: paths of the image that its program writes to, each
    given a copy in memory of limited size. program: {script, environment} of a baseline that runs
    as a plain process where no engine can be had.
    """

    public_id = models.CharField(max_length=12, unique=True, default=new_public_id)
    algorithm = models.ForeignKey(Algorithm, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.CONTAINER)
    upload = models.OneToOneField(
        Upload, on_delete=models.PROTECT, null=True, related_name="version"
    )
    image = models.ForeignKey(
        ContainerImage, on_delete=models.PROTECT, null=True, related_name="versions"
    )
    program = models.JSONField(null=True)
    card = models.JSONField(default=dict)
    writable = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["algorithm", "number"], name="one_version_a_number"),
            models.CheckConstraint(
                condition=models.Q(upload__isnull=True) ^ models.Q(program__isnull=True),
                name="uploaded_or_a_baseline",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.algorithm_id} v{self.number}"


class CardRevision(models.Model):
    """A version's card as it was saved; the last one is the present card.

    So that whoever reads a leaderboard can see what was told when.
    """

    version = models.ForeignKey(
        AlgorithmVersion, on_delete=models.CASCADE, related_name="card_revisions"
    )
    card = models.JSONField()
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    saved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["saved_at", "pk"]

    def __str__(self) -> str:
        return f"card of {self.version_id} at {self.saved_at}"

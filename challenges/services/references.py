"""What is scored against, made of the readers' masks."""

from pathlib import Path

from django.db import transaction

from accounts.identifiers import new_public_id
from challenges.definition import ChallengeDefinition
from challenges.models import Case, Dataset, Image, Reference
from challenges.selectors import reference_version
from challenges.services.storing import reference_recipe
from evaluation.geometry import Geometry
from evaluation.masks import label_values
from evaluation.readers import reference_masks
from evaluation.volumes import Volume, read_volume, write_mha


def derive_references(*, dataset: Dataset, definition: ChallengeDefinition) -> int:
    """The version in force: a new one for every case where readers, recipe or labels have changed.

    Earlier versions stay, as earlier editions were scored against them. Raises EvaluationError for
    a mask that holds none of the labels declared.
    """
    recipe, made_by = reference_recipe(definition)
    version = reference_version(dataset)
    cases = dataset.cases.filter(excluded_at=None)
    made = Reference.objects.filter(case__in=cases, version=version, made_by=made_by)
    if made.values("case").distinct().count() == cases.count():
        return version
    derived = [row for case in cases for row in _derived(case, definition)]
    with transaction.atomic():
        for row in derived:
            row.version, row.recipe, row.made_by = version + 1, recipe, made_by
            row.save()
    return version + 1


def _derived(case: Case, definition: ChallengeDefinition) -> list[Reference]:
    """Unsaved rows; their files lie beside the case's others."""
    values = definition.evaluation.labels.values()
    annotations = {one.reader.name: one for one in case.annotations.select_related("reader")}
    chosen = [annotations[reader.name] for reader in definition.readers]
    masks = [label_values(read_volume(Path(one.file.path)).voxels, values) for one in chosen]
    targets = reference_masks(masks, definition.consensus)
    pet = case.images.get(modality=Image.Modality.PET)
    geometry = Geometry.from_json(pet.geometry)
    rows = []
    for number, mask in enumerate(targets):
        volume = Volume(mask, geometry)
        name = str(Path(str(pet.file)).with_name(f"reference-{new_public_id()}.mha"))
        Path(pet.file.path).with_name(Path(name).name).write_bytes(write_mha(volume))
        rows.append(
            Reference(
                case=case,
                reader=chosen[number].reader if len(targets) > 1 else None,
                file=name,
                sha256=volume.sha256(),
                volume_ml=int((mask > 0).sum()) * geometry.voxel_volume_ml,
            )
        )
    return rows

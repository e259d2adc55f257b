"""What the challenge is for: application, cohorts, images, target, aims."""

from challenges.designing.document import Block, Definitions, Section
from challenges.designing.material import Material
from challenges.designing.texts import entries, entry, told
from challenges.designing.words import NOT_STATED

_IMAGES = {
    "PET": "PET as SUVbw (g/ml, normalised to body weight)",
    "CT": "CT in Hounsfield units, on the PET’s grid",
}


def mission(material: Material) -> Section:
    purpose = ("categories", "impact", "utility", "route", "novelty", "plain_language")
    return Section(
        "mission",
        "Mission",
        parts=(
            Section(
                "application",
                "Field and category of application",
                (entries(material, *(f"purpose.{key}" for key in purpose)),),
            ),
            Section(
                "cohorts",
                "Cohorts",
                (entries(material, "purpose.target_cohort", "purpose.challenge_cohort"),),
            ),
            Section("images", "Imaging modalities and context", (_images(material),)),
            Section(
                "target",
                "Target and aims of the assessment",
                (
                    Definitions(
                        (
                            entry(material, "purpose.target_entity"),
                            told("Labels in the masks", _labels(material)),
                            told("Aims of the assessment", _aims(material)),
                        )
                    ),
                ),
            ),
        ),
    )


def _images(material: Material) -> Block:
    definition = material.definition
    inputs = "; ".join(f"{one.title} ({one.name}.json)" for one in definition.inputs)
    outputs = "; ".join(f"{one.title} ({one.name}.json)" for one in definition.outputs)
    if "evaluation" not in material.unread and (asked := definition.evaluation.confidence):
        stated = f"{asked.kind.words} ({asked.place}){'' if asked.required else ', if it can'}"
        outputs = f"{outputs}; {stated}" if outputs else stated
    columns = ", ".join(definition.public_columns)
    return Definitions(
        (
            told("Images of a case", "; ".join(_IMAGES[one] for one in definition.modalities)),
            told("Further inputs", inputs or "None: methods are given the images alone."),
            told(
                "What participants learn of a case",
                f"Besides the images: {columns}." if columns else "Nothing beside the images.",
            ),
            told(
                "What a method answers",
                f"One mask of each case on the PET’s grid{f'; {outputs}' if outputs else ''}.",
            ),
        )
    )


def _labels(material: Material) -> str:
    if "evaluation" in material.unread:
        return ""
    labels = material.definition.evaluation.labels
    return "; ".join(f"{name} = {value}" for name, value in labels.items())


def _aims(material: Material) -> str:
    """BIAS asks for what is optimised; the ranked metrics say it."""
    if "evaluation" in material.unread:
        return NOT_STATED
    ranked = material.definition.evaluation.every_ranked
    return "\n\n".join(
        f"{metric.title}: {metric.direction.words}, and it counts to the rank." for metric in ranked
    )

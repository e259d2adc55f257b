"""What only people know of a challenge's design: the texts of a structured challenge description.

Order and items follow the structured description of biomedical challenges (BIAS): Maier-Hein et al.
2020, Medical Image Analysis 66:101796, and the template that the MICCAI society made of it. What
the platform knows itself (cohorts, devices, agreement of readers, metrics, ranking, access) is not
asked here.
"""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.fields import FieldInfo

from evaluation.spec import Strict

Category = Literal[
    "detection", "localisation", "delineation", "tumour_burden", "prognosis", "response"
]
CATEGORIES: dict[str, str] = {
    "detection": "Detection: is there a lesion in this patient?",
    "localisation": "Localisation: where are the lesions?",
    "delineation": "Delineation: outlines for radiotherapy or biopsy",
    "tumour_burden": "Tumour burden: metabolic volume and total lesion glycolysis",
    "prognosis": "Prognosis: what becomes of the patient?",
    "response": "Response: what has changed under therapy?",
}
LIFE_CYCLES: dict[str, str] = {
    "": "not settled yet",
    "one_time": "one-time event with a fixed deadline",
    "repeated": "repeated event with fixed deadlines",
    "open": "open call, for as long as it is hosted",
}
INTERACTION: dict[str, str] = {
    "": "not settled yet",
    "automatic": "fully automatic methods only",
    "semi_automatic": "fully automatic and semi-automatic methods",
    "any": "any method, human readers included",
}


def _text(title: str, description: str, example: str, *, required: bool = False) -> Any:  # noqa: ANN401
    """A free text; required: no challenge is published without it."""
    return Field(
        default="",
        max_length=20_000,
        title=title,
        description=description,
        examples=[example],
        json_schema_extra={"required_to_publish": required},
    )


class Organiser(Strict):
    name: str = Field(min_length=1, max_length=200)
    affiliation: str = Field(default="", max_length=300)


class Purpose(Strict):
    """What the challenge is for."""

    categories: list[Category] = Field(
        default=[],
        title="Application",
        description="What the results are to serve; it proposes the metrics.",
        json_schema_extra={"required_to_publish": True},
    )
    keywords: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        default=[],
        title="Keywords",
        description="As in a paper's list, most important first.",
        examples=[["FDG-PET", "lymphoma", "metabolic tumour volume"]],
    )
    impact: str = _text(
        "Expected impact",
        "What changes for patients or for the field if the question is answered.",
        "Tumour volume could be reported for every patient instead of being measured by hand in "
        "trials alone.",
        required=True,
    )
    utility: str = _text(
        "Utility in the clinic",
        "Who would use a method that does well, at which point, and what it would replace.",
        "The reporting physician, before reading: a first outline to be corrected, which now takes "
        "20 minutes.",
    )
    route: str = _text(
        "Route into practice",
        "What lies between the winner of this challenge and patients: validation, approval, "
        "software.",
        "A prospective reader study at two sites; the winner is asked to license the model openly.",
    )
    target_cohort: str = _text(
        "Target cohort",
        "The patients that a method would meet in routine.",
        "Adults with newly diagnosed diffuse large B-cell lymphoma, staged by FDG-PET/CT.",
        required=True,
    )
    challenge_cohort: str = _text(
        "Challenge cohort",
        "The patients whose data are used here, how they were chosen, and how they differ from "
        "the target cohort.",
        "Consecutive patients of 2018–2022 at three university hospitals; children and patients "
        "with diabetes were left out.",
        required=True,
    )
    target_entity: str = _text(
        "Target of the algorithms",
        "What in the image is to be found: structure, lesion, size, part of the body.",
        "Every lymphoma lesion with uptake above the liver, from skull base to mid-thigh; no "
        "smallest size.",
        required=True,
    )
    novelty: str = _text(
        "What is new",
        "What this challenge asks that earlier ones did not.",
        "First with three readers for each patient and an external centre as hidden test.",
    )
    plain_language: str = _text(
        "In plain language",
        "A paragraph that a patient would understand.",
        "PET scans show where a tumour uses much sugar. We compare computer programs that outline "
        "these places, to learn which of them doctors can rely on.",
        required=True,
    )


class DataDesign(Strict):
    """How the data came to be."""

    acquisition: str = _text(
        "Acquisition",
        "Protocols and who scanned: fasting, dose, uptake time, reconstruction, standards met "
        "(EARL), experience of the staff. Devices and centres are tabulated by the platform.",
        "Scans by EANM guideline 2.0, EARL 1 accredited at all sites, fasting for 6 h at least.",
        required=True,
    )
    case_definition: str = _text(
        "What a case is",
        "What one case holds, and how training and test cases relate.",
        "One PET/CT at staging; each patient has one case.",
    )
    sample_size: str = _text(
        "Number of cases",
        "Why so many cases, and why they are split so.",
        "60 test cases show a difference in mean Dice of 0.04 with 80 % power; the rest is for "
        "training.",
    )
    characteristics: str = _text(
        "Further characteristics",
        "How cases were balanced or stratified, and what is particular about them.",
        "Stratified by centre and by tumour volume.",
    )
    preprocessing: str = _text(
        "Pre-processing",
        "What was done to images before they came here. The conversion to SUV is told by the "
        "platform.",
        "Head removed above the orbit for privacy; no resampling.",
    )
    error_sources: str = _text(
        "Sources of error",
        "What is known to be wrong or uncertain in images and outlines, and how much it matters.",
        "Breathing blurs lesions near the diaphragm; outlines of necrotic lesions differ most.",
        required=True,
    )


class AnnotationDesign(Strict):
    """How the reference was drawn."""

    method: str = _text(
        "Method",
        "How outlines were made: by hand, by threshold and corrected; with which software.",
        "SUV ≥ 4 as a start, corrected by hand in software X version 2.1, CT alongside.",
        required=True,
    )
    instructions: str = _text(
        "Instructions to the readers",
        "What they were told, and the rules for doubtful findings.",
        "Include every lesion above liver uptake; leave out brown fat, bladder and injection site.",
        required=True,
    )
    experience: str = _text(
        "Experience of the readers",
        "Profession and years of each, how they were trained, and which other findings they saw.",
        "Two nuclear-medicine physicians (8 and 15 years) and one radiologist (6 years); ten cases "
        "read together first; blinded to each other and to outcome.",
        required=True,
    )


class Reasons(Strict):
    """Why it is measured so."""

    metrics: str = _text(
        "Why these metrics",
        "How each ranked metric follows from the clinical question.",
        "Volume is what prognosis uses, so its error ranks; Dice guards against right volumes in "
        "wrong places.",
        required=True,
    )
    ranking: str = _text(
        "Why this ranking",
        "Why metrics are combined so.",
        "No metric may outweigh the others, so ranks are averaged, not values.",
        required=True,
    )
    further: str = _text(
        "Further analyses",
        "What else will be reported: common errors, agreement with readers, subgroups.",
        "Dice against lesion volume; results by centre.",
    )


class Policies(Strict):
    """Who may take part, and what becomes of the results."""

    life_cycle: Literal["", "one_time", "repeated", "open"] = Field(
        default="",
        title="Life cycle",
        description="Whether it ends.",
        json_schema_extra={"required_to_publish": True},
    )
    interaction: Literal["", "automatic", "semi_automatic", "any"] = Field(
        default="",
        title="Interaction",
        description="Which methods may take part.",
        json_schema_extra={"required_to_publish": True},
    )
    training_data: str = _text(
        "Training data",
        "Which data methods may be trained on: only those given, public ones, private ones.",
        "Public data of any kind; private data are to be declared and are marked.",
        required=True,
    )
    organisers_take_part: str = _text(
        "Organisers' institutes",
        "Whether members of the organisers' institutes may take part, and be ranked.",
        "They may submit, and are shown without a rank.",
        required=True,
    )
    awards: str = _text(
        "Awards", "What the best receive, and by which rule.", "No prize; the first three present."
    )
    results: str = _text(
        "Announcement of results",
        "What is made public, when, and whether someone may withdraw.",
        "All entries of the final phase, at the annual congress; none can be withdrawn after that.",
        required=True,
    )
    publication: str = _text(
        "Publication",
        "Who writes about the challenge, who are the authors, and when participants may publish "
        "their own.",
        "One joint paper with two authors for each of the first ten teams; own papers at once.",
        required=True,
    )
    code: str = _text(
        "Code",
        "Whether participants' code has to be public. The platform's own is open source.",
        "Encouraged; required for a prize.",
    )


class Ethics(Strict):
    """What permits the use of the data, and who has which interest."""

    approval: str = _text(
        "Ethics approval",
        "Committee, number and date, or why none is needed; consent of patients.",
        "Ethics committee of University X, 2023-117, 12 May 2023; written consent.",
        required=True,
    )
    funding: str = _text(
        "Funding", "Who pays for the challenge, with grant numbers.", "EANM research grant 2024-3."
    )
    conflicts: str = _text(
        "Conflicts of interest",
        "Interests of organisers and readers; “none” where there are none.",
        "Reader B is employed by a maker of software; none otherwise.",
        required=True,
    )
    access: str = _text(
        "Access to hidden data outside the platform",
        "Who had or has the hidden images or outlines elsewhere. Access here is logged.",
        "Two physicists of centre A, on its research server, until the challenge closes.",
        required=True,
    )


class Design(Strict):
    """Free texts of the design document; what is required stands in docs/challenge.md."""

    organisers: list[Organiser] = Field(
        default=[],
        title="Organisers",
        description="Everyone responsible, with institute.",
        json_schema_extra={"required_to_publish": True},
    )
    contact: str = Field(
        default="",
        max_length=200,
        title="Contact",
        description="An address that is read, for participants and patients.",
        examples=["challenge@example.org"],
        json_schema_extra={"required_to_publish": True},
    )
    purpose: Purpose = Purpose()
    data: DataDesign = DataDesign()
    annotation: AnnotationDesign = AnnotationDesign()
    reasons: Reasons = Reasons()
    policies: Policies = Policies()
    ethics: Ethics = Ethics()

    def missing(self) -> list[tuple[str, str]]:
        """Each item that is required to publish and still empty: its key, dotted, and its title."""
        return [
            (key, field.title or key)
            for key, field, value in items(self)
            if is_required(field) and not (value.strip() if isinstance(value, str) else value)
        ]


def items(part: Strict, prefix: str = "") -> list[tuple[str, FieldInfo, object]]:
    """Every single item within ``part``: dotted key, field and value, in the order of the file."""
    found: list[tuple[str, FieldInfo, object]] = []
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, Strict):
            found += items(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", field, value))
    return found


def is_required(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("required_to_publish"))

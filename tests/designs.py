"""A design with every text that publishing demands, and the source of the data."""

from typing import Any

SOURCE = {"text": "Simulated for a test.", "licence": "CC0"}
DESIGN: dict[str, Any] = {
    "organisers": [{"name": "A. Organiser", "affiliation": "Centre A"}],
    "contact": "challenge@example.org",
    "purpose": {
        "categories": ["delineation"],
        "impact": "Volumes without work by hand.",
        "target_cohort": "Adults at staging.",
        "challenge_cohort": "Simulated patients.",
        "target_entity": "Every lesion.",
        "plain_language": "We compare programs that outline tumours.",
    },
    "data": {"acquisition": "Simulated.", "error_sources": "None known."},
    "annotation": {
        "method": "By hand.",
        "instructions": "Every lesion.",
        "experience": "Ten years.",
    },
    "reasons": {"metrics": "Overlap and volume.", "ranking": "All count alike."},
    "policies": {
        "life_cycle": "open",
        "interaction": "automatic",
        "training_data": "Any.",
        "organisers_take_part": "Without a rank.",
        "results": "All, at once.",
        "publication": "Anyone, at any time.",
    },
    "ethics": {"approval": "None needed.", "conflicts": "None.", "access": "Nobody."},
}

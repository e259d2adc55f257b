"""autoPET's NIfTI (FDG-PET-CT-Lesions): ``PETCT_<patient>/<study>/SUV.nii.gz``, CTres, SEG."""

from pathlib import Path

from challenges.ingest.layouts.found import Choices, Found, FoundCase, Layout, Wanted
from challenges.ingest.layouts.listing import folders, images, inputs_beside, stem_of, visible
from challenges.ingest.sources import Source

_PATIENT = "PETCT_"
_OTHER = {"CT", "PET"}
"""Before conversion to SUV and to the PET's grid: nobody misses them."""


def _fits(root: Path) -> bool:
    return any(one.name.startswith(_PATIENT) and folders(one) for one in folders(root))


def _find(root: Path, wanted: Wanted, choices: Choices) -> Found:
    found = Found()
    for entry in visible(root):
        if not (entry.is_dir() and entry.name.startswith(_PATIENT)):
            if entry.name != "cases.csv":
                found.notices.append(f"{entry.name}: not of autoPET's layout, left out")
            continue
        studies = folders(entry)
        for number, study in enumerate(studies, start=1):
            # By number: the names of the studies hold their dates.
            name = f"{entry.name}-{number}" if len(studies) > 1 else entry.name
            found.cases.append(_case(name, entry.name, study, root, wanted))
    return found


def _case(name: str, patient: str, study: Path, root: Path, wanted: Wanted) -> FoundCase:
    sources: dict[str, Source] = {}
    trouble = []
    for path in images(study):
        if stem_of(path) in sources:
            trouble.append(f"two files of {stem_of(path)}")
        sources[stem_of(path)] = Source((path,))
    if "SUV" not in sources and "PET" in sources:
        trouble.append("no SUV.nii.gz; PET.nii.gz is in Bq/ml and is not taken")
    return FoundCase(
        name=name,
        patient=patient,
        pet=sources.get("SUV"),
        ct=sources.get("CTres"),
        masks={
            stem: source
            for stem, source in sources.items()
            if stem not in {"SUV", "CTres"} | _OTHER
        },
        inputs=inputs_beside(root, name, wanted),
        trouble=tuple(trouble),
    )


LAYOUT = Layout(
    id="autopet",
    title="autoPET NIfTI",
    example="PETCT_0001/study/SUV.nii.gz, CTres.nii.gz, SEG.nii.gz",
    fits=_fits,
    find=_find,
)

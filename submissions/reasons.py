"""What each reason code means, in words that give nothing away.

In a hidden phase a participant reads these alone: the full text of a failure may hold what the
container chose to show (file names, an exit status, a grid), and so could carry data out.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """stage: what was being done. to_do: what the full text does not say itself."""

    title: str
    stage: str
    what: str
    to_do: str = ""

    @property
    def generic(self) -> str:
        return f"{self.what} {self.to_do}".strip()


_START, _PROGRAM, _OUTPUT, _MASK = "start", "program", "output", "reading the mask"
_SCORING, _LIMITS, _CHECK = "scoring", "limits of the phase", "image check"
_UPLOAD = "upload"

_ONE_MASK = "Write exactly one .mha or .nii.gz file to /output/images/<slug>/, for the one case."
_UNREADABLE = Meaning(
    "Unreadable mask",
    _MASK,
    "The mask could not be read.",
    "Write one complete .mha or .nii.gz file of uint8 voxels.",
)
_OURS = "The platform could not do its part; the program is not to blame."
_ONE_MAP = (
    "Write exactly one .mha or .nii.gz file of probabilities, float32 from 0 to 1, to "
    "/output/images/<name>/, as the challenge's page says."
)
_JSON = "Write each /output/<name>.json that the challenge declares, as its schema says."


def _no_mask(title: str, what: str) -> Meaning:
    return Meaning(title, _OUTPUT, what, _ONE_MASK)


def _ours(title: str, stage: str) -> Meaning:
    return Meaning(title, stage, _OURS)


MEANINGS = {
    "time_limit": Meaning(
        "Time limit",
        _PROGRAM,
        "The program took longer than the phase allows for a case. Make it faster, or ask the "
        "organiser about the limit.",
    ),
    "out_of_memory": Meaning(
        "Out of memory",
        _PROGRAM,
        "The program used more memory than the phase allows. Work on parts of the image, or use "
        "smaller types.",
    ),
    "exit_code": Meaning(
        "Ended with an error",
        _PROGRAM,
        "The program ended with an exit status other than 0.",
        "Try the image on a case of your own, without network and with a read-only root.",
    ),
    "killed_from_outside": Meaning(
        "Killed",
        _PROGRAM,
        "A signal ended the program, neither by its limits nor by the platform.",
        "Where this comes each time, look for what in the program kills itself.",
    ),
    "sandbox_died": Meaning(
        "Sandbox ended",
        _PROGRAM,
        "gVisor, which contained the program, ended before it.",
        "Where this comes each time, start fewer processes and threads.",
    ),
    "cannot_start": Meaning(
        "Cannot start",
        _START,
        "The image's entry point cannot be started. Try it with docker run --read-only "
        "--network none.",
    ),
    "image_unusable": Meaning(
        "Image unusable",
        _START,
        "The Docker engine refuses the image.",
        "Build and save the image again, and try docker load.",
    ),
    "writable_too_large": Meaning(
        "Writable path too large",
        _START,
        "The image holds more at a writable path than a run may have there. Name a smaller folder, "
        "or move the large files elsewhere.",
    ),
    "no_output": _no_mask("No output", "There was no mask."),
    "two_outputs": _no_mask("Several outputs", "There was more than one mask."),
    "not_a_regular_file": _no_mask("Not a regular file", "The mask is no regular file."),
    "unreadable_output": _no_mask("Unreadable output", "The output cannot be read."),
    "output_too_large": Meaning(
        "Output too large",
        _OUTPUT,
        "More was written to /output than may be.",
        "Write one mask of uint8 voxels, compressed.",
    ),
    "no_json": Meaning("JSON missing", _OUTPUT, "A declared JSON file is missing.", _JSON),
    "json_too_large": Meaning(
        "JSON too large", _OUTPUT, "A declared JSON file is larger than 64 KiB.", _JSON
    ),
    "bad_json": Meaning(
        "Not JSON",
        _OUTPUT,
        "A declared JSON file is none.",
        f"{_JSON} NaN and infinity are not JSON.",
    ),
    "wrong_json": Meaning(
        "JSON does not fit", _OUTPUT, "A declared JSON file does not fit its schema.", _JSON
    ),
    "no_confidence": Meaning(
        "Confidence missing",
        _OUTPUT,
        "The probability map or the stated probability, which this challenge requires, is missing.",
        "The challenge's page names its place.",
    ),
    "two_maps": Meaning(
        "Several maps", _OUTPUT, "There was more than one probability map.", _ONE_MAP
    ),
    "wrong_confidence": Meaning(
        "No probability",
        _OUTPUT,
        "What was stated is not one number from 0 to 1.",
        "Write the probability that the mask is good, alone, to /output/<name>.json.",
    ),
    "map_unreadable": Meaning(
        "Unreadable map", _MASK, "The probability map could not be read.", _ONE_MAP
    ),
    "map_wrong_grid": Meaning(
        "Wrong grid of the map",
        _MASK,
        "The probability map must have the PET image's size, spacing and position.",
        "With SimpleITK: probability.CopyInformation(pet).",
    ),
    "map_not_finite": Meaning(
        "NaN in the map",
        _MASK,
        "The probability map holds NaN or infinity.",
        "Look for a division by 0 before the softmax or sigmoid.",
    ),
    "map_out_of_range": Meaning(
        "Not probabilities",
        _MASK,
        "The probability map holds values below 0 or above 1.",
        "Write what comes out of the softmax or sigmoid, not logits, percents or labels.",
    ),
    "unknown_format": _UNREADABLE,
    "bad_header": _UNREADABLE,
    "truncated": _UNREADABLE,
    "decoder_limit": _UNREADABLE,
    "unsupported_type": _UNREADABLE,
    "too_large": _UNREADABLE,
    "points_elsewhere": Meaning(
        "Header points elsewhere",
        _MASK,
        "A mask's header may describe only pixels in its own file.",
        "Write one .mha or .nii.gz file.",
    ),
    "not_three_dimensional": Meaning("Not a volume", _MASK, "The mask must have three dimensions."),
    "bad_geometry": Meaning(
        "Unusable grid",
        _MASK,
        "The mask's axes must be at right angles, as the PET's are.",
        "With SimpleITK: mask.CopyInformation(pet).",
    ),
    "wrong_grid": Meaning(
        "Wrong grid",
        _MASK,
        "The mask must have the PET image's size, spacing and position. With SimpleITK: "
        "mask.CopyInformation(pet).",
    ),
    "wrong_values": Meaning(
        "Wrong values",
        _MASK,
        "The mask may hold only the labels that the challenge names, and no probabilities.",
    ),
    "scorer_limit": Meaning(
        "Not measurable",
        _SCORING,
        "The mask is too intricate to be measured.",
        "Look whether it is noise; leave out components of a few voxels.",
    ),
    "not_run": Meaning(
        "Not run",
        _LIMITS,
        "The phase's limit of time in all, or of failures one after another, was reached before.",
    ),
    "quota_used_up": Meaning(
        "Quota used up",
        _UPLOAD,
        "The phase takes no further submission of yours for now.",
        "The submit page says when the next becomes possible.",
    ),
    "volumes_refused": Meaning(
        "Volumes refused",
        _CHECK,
        "The image declares volumes that no run can be given. Remove VOLUME from the Dockerfile; "
        "/tmp is writable.",
    ),
    "disk_fault": _ours("Disk fault", "storage"),
    "worker_lost": _ours("Worker lost", "worker"),
    "no_engine": _ours("No Docker engine", _START),
    "engine_unreachable": _ours("Docker engine out of reach", _START),
    "engine_failed": _ours("Docker engine failed", _PROGRAM),
    "limits_refused": _ours("Limits not held", _START),
    "unlimited_mount": _ours("Mount without a limit", _START),
    "probe_failed": _ours("Protections not tried", _START),
    "gvisor_missing": _ours("No gVisor", _START),
    "image_not_loaded": _ours("Image not loaded", _START),
    "user_not_resolved": _ours("Account of the image not found", _START),
    "unkillable": _ours("Not to be stopped", _PROGRAM),
    "too_slow": _ours("Decoder or scorer hangs", _SCORING),
    "not_confined": _ours("Decoder or scorer not confined", _SCORING),
    "isolation_failed": _ours("Decoder or scorer gone", _SCORING),
    "decoder_failed": _ours("Decoder failed", _MASK),
    "scorer_failed": _ours("Scorer failed", _SCORING),
}

_BUILD = "Build the image again, save it with docker save, and upload that file as it is."
_SMALLER = "Leave out of the image what the program does not need."
_FILES = "Find the file in the Dockerfile, and leave it out or write it as a plain file."


def _image(title: str, what: str, to_do: str = _BUILD) -> Meaning:
    return Meaning(title, _CHECK, what, to_do)


OF_IMAGES = {
    "checksum_differs": Meaning(
        "Damaged on its way",
        _CHECK,
        "What arrived is not what was announced.",
        "Upload it again; it counts as nothing.",
    ),
    "bad_zip": Meaning(
        "Unusable zip",
        _CHECK,
        "The zip of masks cannot be unpacked.",
        "Pack it anew as a plain zip.",
    ),
    "not_a_zip": Meaning(
        "Not a zip", _CHECK, "The file is no zip.", "Pack one mask for each case into a zip."
    ),
    "wrong_files": Meaning(
        "Names of the masks",
        _CHECK,
        "The files in the zip do not have the names of the cases.",
        "Name each mask as its case is called.",
    ),
    # Of the check of an upload. Some have the name of a reason above, and another meaning.
    "not_a_tar": _image("Not an image", "The file is no tar archive."),
    "no_manifest": _image("Not an image", "The file is no image, as of docker export."),
    "missing_manifest": _image("Incomplete image", "The manifest is missing."),
    "missing_config": _image("Incomplete image", "The description is missing."),
    "missing_layer": _image("Incomplete image", "A layer is missing."),
    "truncated": _image("Incomplete file", "The file ends too early."),
    "damaged": _image("Damaged file", "The file cannot be read."),
    "wrong_digest": _image("Damaged file", "A part differs from its digest."),
    "wrong_size": _image("Damaged file", "A part differs from its size."),
    "invalid_manifest": _image("Not an image", "The manifest cannot be used."),
    "invalid_config": _image("Not an image", "The description cannot be used."),
    "invalid_json": _image("Not an image", "The description is no JSON."),
    "json_too_large": _image("Description too large", "The description is too large."),
    "layers_disagree": _image("Contradictory image", "The lists of layers disagree."),
    "layouts_disagree": _image("Contradictory image", "The layouts in the file disagree."),
    "duplicate_member": _image("Contradictory image", "A part is there twice."),
    "member_path": _image("Unsafe path", "A path leads out of the image."),
    "link_outside": _image("Unsafe link", "A link leads out of the image."),
    "unsupported_member": _image("Unusable file", "A file is of no usable kind.", _FILES),
    "device": _image("Device in the image", "The image holds a device.", _FILES),
    "two_images": _image(
        "Several images", "The file holds several images.", "Save one alone: docker save IMAGE."
    ),
    "wrong_platform": _image(
        "Another platform",
        "The image is not for linux/amd64.",
        "Build it with docker build --platform linux/amd64.",
    ),
    "no_entry_point": _image(
        "Nothing to start",
        "The image names no program.",
        "Add an ENTRYPOINT or a CMD to the Dockerfile.",
    ),
    "too_large": _image("Image too large", "The file is too large.", _SMALLER),
    "unpacked_too_large": _image("Image too large", "It unpacks to too much.", _SMALLER),
    "compression_ratio": _image("Image too large", "It unpacks to too much.", _SMALLER),
    "too_many_layers": _image(
        "Too many layers", "The image has too many layers.", "Join commands of the Dockerfile."
    ),
    "too_many_members": _image("Too many files", "The image has too many files.", _SMALLER),
}

WARNING = (
    "A part of the program was killed for memory. It went on, and its mask was taken as it is."
)


def meaning(code: str, *, of_image: bool = False) -> Meaning:
    """of_image: it was given by the check of an upload."""
    if of_image and code in OF_IMAGES:
        return OF_IMAGES[code]
    unknown = Meaning(
        code.replace("_", " ").capitalize(), "", "The organisers can read more about it."
    )
    return MEANINGS.get(code, unknown)


@dataclass(frozen=True)
class Reason:
    """to_do: what the text does not say itself."""

    title: str
    text: str
    to_do: str = ""
    stage: str = ""
    owner: str = ""
    code: str = ""


def reason_of(
    code: str, text: str, *, owner: str = "", of_image: bool = False, stage: str = "", in_full: bool
) -> Reason | None:
    """What to do is added to the full text of a run; the generic one, and those of images, say it
    themselves."""
    if not code:
        return None
    known = meaning(code, of_image=of_image)
    return Reason(
        title=known.title,
        text=text if in_full else known.generic,
        to_do=known.to_do if in_full and not of_image else "",
        stage=stage or known.stage,
        owner=owner,
        code=code,
    )


def reasons_markdown() -> str:
    """Every code as three tables, for the docs."""
    ours = {code: one for code, one in MEANINGS.items() if one.what == _OURS}
    runs = {code: one for code, one in MEANINGS.items() if code not in ours}
    return "\n\n".join(
        (
            f"### Of a submission and its runs\n\n{_table(runs)}",
            f"### Of the check of an image\n\n{_table(OF_IMAGES)}",
            f"### Faults of the platform\n\n{_OURS} Nothing has to be done: each is tried again "
            f"for some minutes, and none counts against you.\n\n{_table(ours, in_words=False)}",
        )
    )


def _table(known: dict[str, Meaning], *, in_words: bool = True) -> str:
    head = ("code", "title", "stage", *(["what it means, and what to do"] if in_words else []))
    rows = [
        (f"`{code}`", one.title, one.stage, *([one.generic] if in_words else []))
        for code, one in known.items()
    ]
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(reasons_markdown())

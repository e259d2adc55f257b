"""What each reason code means, in words that give nothing away.

In a hidden phase a participant reads these alone: the full text of a failure may hold what the
container chose to show (file names, an exit status, a grid), and so could carry data out.
"""

_NO_MASK = "Write exactly one .mha or .nii.gz file to /output/images/<slug>/, for the one case."
_UNREADABLE = "The mask could not be read. Write one complete .mha or .nii.gz file of uint8 voxels."

MEANINGS: dict[str, tuple[str, str]] = {
    # code: (title, what to do)
    "time_limit": ("Time limit", "The program took longer than the phase allows for a case."),
    "out_of_memory": ("Out of memory", "The program used more memory than the phase allows."),
    "exit_code": ("Ended with an error", "The program ended with an exit status other than 0."),
    "cannot_start": ("Cannot start", "The image's entry point cannot be started."),
    "image_unusable": ("Image unusable", "Build and save the image again, and try docker load."),
    "no_output": ("No output", _NO_MASK),
    "two_outputs": ("Several outputs", _NO_MASK),
    "not_a_regular_file": ("Not a regular file", _NO_MASK),
    "unreadable_output": ("Unreadable output", _NO_MASK),
    "output_too_large": ("Output too large", "Write one mask of uint8 voxels, compressed."),
    "unknown_format": ("Unreadable mask", _UNREADABLE),
    "bad_header": ("Unreadable mask", _UNREADABLE),
    "truncated": ("Unreadable mask", _UNREADABLE),
    "decoder_limit": ("Unreadable mask", _UNREADABLE),
    "unsupported_type": ("Unreadable mask", _UNREADABLE),
    "too_large": ("Unreadable mask", _UNREADABLE),
    "points_elsewhere": (
        "Header points elsewhere",
        "A mask's header may describe only pixels in its own file.",
    ),
    "not_three_dimensional": ("Not a volume", "The mask must have three dimensions."),
    "bad_geometry": ("Unusable grid", "The mask's axes must be at right angles, as the PET's are."),
    "wrong_grid": ("Wrong grid", "The mask must have the PET image's size, spacing and position."),
    "wrong_values": ("Wrong values", "The mask may hold only the labels that the challenge names."),
    "scorer_limit": ("Not measurable", "The mask is too intricate to be measured; is it noise?"),
    "disk_fault": ("Disk fault", "The platform could not read or write a file."),
    "worker_lost": ("Worker lost", "The platform lost the worker; nothing of it counts."),
    "volumes_refused": ("Volumes refused", "Remove VOLUME from the image; /tmp is writable."),
}


def title(code: str) -> str:
    return MEANINGS.get(code, (code.replace("_", " ").capitalize(), ""))[0]


def generic(code: str) -> str:
    return MEANINGS.get(code, ("", "The organisers can read more about it."))[1]

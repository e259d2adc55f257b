"""An nnU-Net (version 2) as a container: the case under nnU-Net's names, and its answer as a mask.

The folder ``model`` is what training left: dataset.json, plans.json and a folder for each fold.
Its dataset.json says which channel is the PET and which the CT. The command of nnU-Net works in
/tmp, so that no writable path has to be named.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SLUG = os.environ.get("OUTPUT_SLUG", "pet-lesion-segmentation")
MODEL = Path(os.environ.get("MODEL", "/algorithm/model"))
COMMAND = os.environ.get("PREDICT", "nnUNetv2_predict_from_modelfolder")
LESION = int(os.environ.get("LESION_LABEL", "1"))
SOCKETS = {"pet": "pet", "suv": "pet", "ct": "ct"}
"""What a channel may be called in dataset.json, and the folder below /input/images of each."""


def channels(dataset: dict[str, dict[str, str]]) -> dict[int, str]:
    """The socket of each channel, as dataset.json names them."""
    found = {}
    for number, name in dataset["channel_names"].items():
        socket = SOCKETS.get(name.lower())
        if socket is None:
            raise SystemExit(f"dataset.json has a channel “{name}”; known: {', '.join(SOCKETS)}")
        found[int(number)] = socket
    return found


def stage(source: Path, target: Path, dataset: dict[str, dict[str, str]]) -> sitk.Image:
    """Write the case as ``case_0000.nii.gz`` and so on; returns the PET."""
    images = {}
    for number, socket in channels(dataset).items():
        (path,) = (source / "images" / socket).glob("*.mha")
        images[socket] = sitk.ReadImage(str(path))
        name = f"case_{number:04}{dataset['file_ending']}"
        sitk.WriteImage(images[socket], str(target / name))
    if "pet" not in images:
        raise SystemExit("dataset.json has no channel that is the PET")
    return images["pet"]


def predict(source: Path, target: Path) -> None:
    """Every fold that the model has, on the CPU, in one process each for reading and writing."""
    folds = sorted(one.name.removeprefix("fold_") for one in MODEL.glob("fold_*"))
    arguments = ["-i", str(source), "-o", str(target), "-m", str(MODEL), "-f", *folds]
    more = ["-device", "cpu", "-npp", "1", "-nps", "1", "--disable_progress_bar"]
    subprocess.run([COMMAND, *arguments, *more], check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    roots = parser.parse_args()
    dataset = json.loads((MODEL / "dataset.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        source, answer = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        pet = stage(roots.input, source, dataset)
        predict(source, answer)
        labels = sitk.ReadImage(str(answer / f"case{dataset['file_ending']}"))
    mask = sitk.GetImageFromArray((sitk.GetArrayFromImage(labels) == LESION).astype(np.uint8))
    mask.CopyInformation(pet)
    target = roots.output / "images" / SLUG
    target.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(mask, str(target / "mask.mha"), useCompression=True)


if __name__ == "__main__":
    main()

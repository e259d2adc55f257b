"""`uptake new-algorithm` writes a container that builds, runs and scores as it is."""

import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import docker
import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from config.cli import app
from config.host import BASE_IMAGE
from tests.images import SLUG

LIBRARIES = {"simpleitk": ("SimpleITK",), "nibabel": ("nibabel", "packaging", "typing_extensions")}
KINDS = ["numpy", "simpleitk", "nibabel"]


@pytest.fixture
def starter(tmp_path):
    def write(kind="numpy", name="my-first"):
        folder = tmp_path / f"{name}-{kind}"
        done = CliRunner().invoke(
            app, ["new-algorithm", name, "--with", kind, "--folder", str(folder)]
        )
        assert done.exit_code == 0, done.output
        return folder

    return write


@pytest.fixture(scope="module")
def client():
    found = docker.from_env(timeout=600)
    yield found
    found.close()


def with_libraries(client, kind):
    """The project's base image with libraries of this environment, as a registry would give them.

    None of them is built for one version of Python 3 alone.
    """
    if kind not in LIBRARIES:
        return BASE_IMAGE
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name in LIBRARIES[kind]:
            path = Path(importlib.util.find_spec(name).origin)
            path = path.parent if path.name == "__init__.py" else path
            archive.add(path, f"libraries/{path.name}")
        text = f"FROM {BASE_IMAGE}\nCOPY libraries /usr/lib/python3/dist-packages/\n".encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    context.seek(0)
    image, _ = client.images.build(fileobj=context, custom_context=True, rm=True)
    return image.id


@pytest.mark.docker
@pytest.mark.parametrize("kind", KINDS)
def test_it_builds_runs_and_scores_as_it_is(starter, client, trial, kind):
    folder = starter(kind)
    tag = f"uptake-test/starter:{kind}"
    base = with_libraries(client, kind)
    client.images.build(path=str(folder), buildargs={"BASE": base}, tag=tag, rm=True)
    try:
        status, words, results = trial(
            tag, challenge=folder / "challenge.yaml", cases=folder / "cases"
        )
    finally:
        client.images.remove(tag, force=True)
    assert status == 0, words
    (case,) = results["cases"]
    # A threshold: the same in whatever library, and far from good.
    assert case["metrics"][0]["dice"]["lesion"]["value"] == pytest.approx(0.0383, abs=5e-4)
    assert case["reference_ml"] == pytest.approx(120.8, abs=0.1)
    assert "hint" not in words


@pytest.mark.parametrize("kind", KINDS)
def test_its_program_runs_without_a_container_too(starter, tmp_path, kind):
    folder = starter(kind)
    pet = write_case(tmp_path / "in", direction=(0, 1, 0, -1, 0, 0, 0, 0, 1))
    command = [sys.executable, str(folder / "algorithm.py")]
    command += ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    subprocess.run(command, check=True)
    (mask,) = (tmp_path / "out" / "images" / SLUG).iterdir()
    found = sitk.ReadImage(str(mask))
    assert found.GetSize() == pet.GetSize()
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(found, name)() == pytest.approx(getattr(pet, name)(), abs=1e-5), name
    expected = (sitk.GetArrayFromImage(pet) >= 4).astype(np.uint8)
    assert (sitk.GetArrayFromImage(found) == expected).all()


def write_case(root, direction=(1, 0, 0, 0, 1, 0, 0, 0, 1), *, sockets=("pet",)):
    suv = np.random.default_rng(3).uniform(0, 8, (4, 5, 6)).astype(np.float32)
    for socket in sockets:
        image = sitk.GetImageFromArray(suv if socket == "pet" else suv * 100)
        image.SetSpacing((4.0, 3.0, 5.0))
        image.SetOrigin((-10.5, 20.25, 300.0))
        image.SetDirection(direction)
        folder = root / "images" / socket
        folder.mkdir(parents=True)
        sitk.WriteImage(image, str(folder / "a1b2.mha"))
        if socket == "pet":
            pet = image
    return pet


STAND_IN = """
import argparse, json, os, pathlib
import SimpleITK as sitk
options = argparse.ArgumentParser()
for one in ("-i", "-o", "-m", "-device", "-npp", "-nps"): options.add_argument(one)
options.add_argument("-f", nargs="+"); options.add_argument("--disable_progress_bar", action="store_true")
given = options.parse_args()
source, target = pathlib.Path(given.i), pathlib.Path(given.o)
target.mkdir(exist_ok=True)
files = sorted(source.iterdir())
channels = [sitk.GetArrayFromImage(sitk.ReadImage(str(one))) for one in files]
told = {"files": [one.name for one in files], "means": [float(one.mean()) for one in channels],
        "folds": given.f, "device": given.device}
pathlib.Path(os.environ["TOLD"]).write_text(json.dumps(told))
labels = sitk.ReadImage(str(files[-1]))
answer = sitk.Cast(labels >= 4, sitk.sitkUInt8) + sitk.Cast(labels >= 7, sitk.sitkUInt8)
sitk.WriteImage(answer, str(target / "case.nii.gz"))
"""


def nnunet(starter, tmp_path, dataset, *, sockets=("pet", "ct")):
    """Its program, with a stand-in for nnU-Net's command; what that was told, or what was said."""
    folder, model = starter("nnunet"), tmp_path / "model"
    for fold in ("fold_0", "fold_3"):
        (model / fold).mkdir(parents=True)
    (model / "dataset.json").write_text(json.dumps(dataset))
    pet = write_case(tmp_path / "in", sockets=sockets)
    command = tmp_path / "predict"
    command.write_text(f"#!{sys.executable}\n{STAND_IN}")
    command.chmod(0o755)
    told = tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, str(folder / "algorithm.py"), "--input", str(tmp_path / "in"),
         "--output", str(tmp_path / "out")],
        env={**os.environ, "MODEL": str(model), "PREDICT": str(command), "TOLD": str(told)},
        capture_output=True, text=True,
    )  # fmt: skip
    return pet, done, json.loads(told.read_text()) if told.exists() else None


def test_nnunets_program_names_channels_as_the_model_does(starter, tmp_path):
    """The mapping alone: nnU-Net itself is not run here."""
    dataset = {"channel_names": {"0": "CT", "1": "PET"}, "file_ending": ".nii.gz"}
    pet, done, told = nnunet(starter, tmp_path, dataset)
    assert done.returncode == 0, done.stderr
    assert told["files"] == ["case_0000.nii.gz", "case_0001.nii.gz"]
    assert told["means"][0] == pytest.approx(100 * told["means"][1], rel=1e-5)
    assert (told["folds"], told["device"]) == (["0", "3"], "cpu")
    mask = sitk.ReadImage(str(tmp_path / "out" / "images" / SLUG / "mask.mha"))
    suv = sitk.GetArrayFromImage(pet)
    assert (sitk.GetArrayFromImage(mask) == ((suv >= 4) & (suv < 7))).all()  # of label 1 alone
    assert mask.GetOrigin() == pet.GetOrigin()


@pytest.mark.parametrize(
    ("names", "words"),
    [({"0": "MRI"}, "has a channel “MRI”"), ({"0": "CT"}, "no channel that is the PET")],
)
def test_nnunets_program_says_which_channel_it_cannot_give(starter, tmp_path, names, words):
    dataset = {"channel_names": names, "file_ending": ".nii.gz"}
    _, done, told = nnunet(starter, tmp_path, dataset)
    assert done.returncode == 1
    assert words in done.stderr
    assert told is None


@pytest.mark.parametrize("kind", [*KINDS, "nnunet"])
def test_the_readme_names_the_three_commands(starter, kind):
    text = (starter(kind) / "README.md").read_text()
    assert "docker build -t my-first ." in text
    assert "uptake try my-first --challenge challenge.yaml --cases cases" in text
    assert "uptake submit my-first" in text
    assert "{{" not in text
    assert ("not with nnU-Net itself" in text) == (kind == "nnunet")


@pytest.mark.parametrize("name", ["My-First", "a b", "-a", "a--", "", "ä"])
def test_a_name_that_no_engine_takes_is_refused(tmp_path, name):
    target = tmp_path / "new"
    done = CliRunner().invoke(app, ["new-algorithm", "--folder", str(target), "--", name])
    assert done.exit_code == 2
    assert "image's name" in done.output
    assert not target.exists()


def test_nothing_is_written_over(starter, tmp_path):
    folder = starter()
    (folder / "algorithm.py").write_text("mine")
    done = CliRunner().invoke(app, ["new-algorithm", "my-first", "--folder", str(folder)])
    assert done.exit_code == 2
    assert "is not empty" in done.output
    assert (folder / "algorithm.py").read_text() == "mine"

"""Containers written for autoPET and HECKTOR run as they are, where the phase has what they ask."""

import json

import pytest

from tests.images import EMPTY_MASK, THRESHOLD_MASK, save_program
from tests.scans import write_challenge

pytestmark = pytest.mark.docker

# As nnU-Net's baseline of autoPET does it: the input is copied to a folder beside the program, the
# answer is written to another, and only then to /output.
BESIDE_ITSELF = (
    "import os, pathlib, shutil\n"
    "home = pathlib.Path('/opt/algorithm')\n"
    "(home / 'thing' / 'imagesTs').mkdir(parents=True, exist_ok=True)\n"
    "(pet,) = pathlib.Path('/input/images/pet').glob('*.mha')\n"
    "shutil.copy(pet, home / 'thing' / 'imagesTs' / 'TCIA_001_0001.mha')\n"
    "assert (home / 'checkpoints' / 'model').read_text() == 'weights'\n"
    + THRESHOLD_MASK.replace('Path("/output/images', 'Path("/opt/algorithm/result/images')
    + "shutil.copytree(home / 'result' / 'images', '/output/images', dirs_exist_ok=True)\n"
)
AUTOPET = (
    "RUN mkdir -p /opt/algorithm/checkpoints && echo -n weights > /opt/algorithm/checkpoints/model",
    "WORKDIR /opt/algorithm",
)
# As HECKTOR's: the clinical values of the patient lie beside the images.
CLINICAL = (
    "import json\n"
    "values = json.load(open('/input/ehr.json'))\n"
    "print('age', values['Age'])\n" + THRESHOLD_MASK
)


@pytest.fixture
def plain(tmp_path):
    return write_challenge(tmp_path / "plain", slug="plain", cases=2)


@pytest.fixture
def clinical(tmp_path):
    inputs = [{"name": "ehr", "title": "Electronic health record"}]
    folder = write_challenge(tmp_path / "clinical", slug="clinical", cases=2, inputs=inputs)
    for number, case in enumerate(sorted(folder.glob("case-*"))):
        (case / "ehr.json").write_text(json.dumps({"Age": 60 + number, "Gender": 1}))
    return folder


@pytest.mark.parametrize("runtime", ["runc", "gvisor"])
def test_one_that_writes_beside_its_program_scores_where_the_folder_is_writable(
    plain, tmp_path, trial, runtime
):
    archive = save_program(BESIDE_ITSELF, tmp_path / "image.tar", *AUTOPET)
    status, words, results = trial(
        archive, "--writable", "/opt/algorithm", challenge=plain, runtime=runtime
    )
    assert status == 0, words
    values = [one["metrics"][0]["dice"]["lesion"]["value"] for one in results["cases"]]
    assert values == [1.0, 1.0]
    assert "writable path" not in words


def test_without_it_the_reason_and_a_hint_say_what_to_do(plain, tmp_path, trial):
    archive = save_program(BESIDE_ITSELF, tmp_path / "image.tar", *AUTOPET)
    status, words, results = trial(archive, challenge=plain)
    assert status == 1
    assert results["cases"][0]["code"] == "exit_code"
    assert "Read-only file system" in words
    assert "name /opt/algorithm as a writable path" in words


def test_one_that_reads_clinical_values_scores_where_the_challenge_gives_them(
    clinical, tmp_path, trial
):
    archive = save_program(CLINICAL, tmp_path / "image.tar", "WORKDIR /opt/algorithm")
    kept = tmp_path / "kept"
    status, words, _ = trial(
        archive, "--keep", kept, "--writable", "/opt/algorithm", challenge=clinical
    )
    assert status == 0, words
    assert "no ehr.json" not in words
    assert (kept / "case-2" / "log.txt").read_text() == "age 61\n"


def test_without_them_it_fails_with_the_missing_file_named(plain, tmp_path, trial):
    archive = save_program(CLINICAL, tmp_path / "image.tar", "WORKDIR /opt/algorithm")
    status, words, results = trial(archive, challenge=plain)
    assert status == 1
    assert [one["code"] for one in results["cases"]] == ["exit_code", ""]
    assert "No such file or directory: '/input/ehr.json'" in words
    assert "no ehr.json" in words


def test_one_made_for_a_gpu_is_told_that_there_is_none(plain, tmp_path, trial):
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar", "ENV NVIDIA_VISIBLE_DEVICES=all")
    status, words, _ = trial(archive, challenge=plain)
    assert status == 0
    assert "made for a GPU (NVIDIA_VISIBLE_DEVICES=all)" in words

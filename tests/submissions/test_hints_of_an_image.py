"""What a phase lacks that an image names, from the image's own configuration and nothing else."""

from dataclasses import replace

import pytest

from challenges.definition import ChallengeDefinition, InputSpec, PhaseSpec
from submissions.judging.hints import hints_of, inputs_of
from submissions.sandbox.archive import ImageConfig

PLAIN = ImageConfig(("python3", "/app/run.py"), (), ("PATH=/usr/bin", "LANG=C.UTF-8"), "", "", ())


def definition(**more) -> ChallengeDefinition:
    phase = PhaseSpec(slug="open", title="Open", cases="public")
    return ChallengeDefinition(
        format=1,
        slug="small",
        title="Small",
        summary="Small.",
        question="?",
        phases=[phase],
        **more,
    )


def told(config, *, writable=(), **more) -> str:
    return "\n".join(map(str, hints_of(config, definition(**more), writable)))


def test_an_image_that_names_nothing_gets_no_hint():
    assert hints_of(PLAIN, definition()) == ()


@pytest.mark.parametrize("name", ["NVIDIA_VISIBLE_DEVICES=all", "CUDA_VERSION=12.1.1"])
def test_an_image_made_for_a_gpu_is_told_that_there_is_none(name):
    words = told(replace(PLAIN, environment=(name,)))
    assert f"made for a GPU ({name})" in words
    assert "no phase gives one" in words


@pytest.mark.parametrize("value", ["", "void", "none"])
def test_one_that_says_it_needs_no_gpu_is_believed(value):
    assert told(replace(PLAIN, environment=(f"NVIDIA_VISIBLE_DEVICES={value}",))) == ""


def test_an_input_that_it_names_and_nobody_gives_is_named_with_what_is_given():
    config = replace(PLAIN, command=("--clinical", "/input/ehr.json"))
    words = told(config)
    assert "names /input/ehr.json" in words
    assert "gives /input/images/pet/<id>.mha and /input/inputs.json, and nothing else" in words
    assert told(config, inputs=[InputSpec(name="ehr", title="Clinical values")]) == ""


@pytest.mark.parametrize(
    ("path", "modalities", "silent"),
    [
        ("/input/images/pet", ["PET"], True),
        ("/input/images", ["PET"], True),
        ("/input/images/ct", ["PET", "CT"], True),
        ("/input/images/ct", ["PET"], False),
        ("/input/inputs.json", ["PET"], True),
    ],
)
def test_paths_of_the_contract_need_no_hint(path, modalities, silent):
    words = told(replace(PLAIN, environment=(f"INPUT={path}",)), modalities=modalities)
    assert (words == "") == silent


def test_another_folder_for_the_mask_is_told():
    config = replace(PLAIN, environment=("OUT=/output/images/tumor-segmentation",))
    assert "/output/images/pet-lesion-segmentation/ alone" in told(config)
    assert told(config, output_slug="tumor-segmentation") == ""


@pytest.mark.parametrize(
    ("folder", "writable", "silent"),
    [
        ("/opt/nnunet/raw", (), False),
        ("/opt/nnunet/raw", ("/opt/nnunet",), True),
        ("/tmp/raw", (), True),
        ("/opt/nnunet-2/raw", ("/opt/nnunet",), False),
    ],
)
def test_a_folder_that_nnunet_writes_to_has_to_be_writable(folder, writable, silent):
    words = told(replace(PLAIN, environment=(f"nnUNet_raw={folder}",)), writable=writable)
    assert (words == "") == silent
    assert silent or "read-only in a run" in words


def test_what_a_template_of_grand_challenge_reads_is_not_guessed():
    config = replace(PLAIN, working_directory="/opt/algorithm", entrypoint=("python", "process.py"))
    words = told(config)
    assert "cannot be seen from outside" in words
    assert "no ehr.json" in words
    assert "name /opt/algorithm as a writable path" in words
    with_both = told(
        config, writable=("/opt/algorithm",), inputs=[InputSpec(name="ehr", title="Values")]
    )
    assert "writable" not in with_both
    assert "no ehr.json" not in with_both
    assert "/input/ehr.json" in with_both


def test_the_inputs_are_those_of_the_definition():
    both = definition(modalities=["PET", "CT"], inputs=[InputSpec(name="tracer", title="Tracer")])
    assert inputs_of(both) == (
        "/input/images/pet/<id>.mha",
        "/input/images/ct/<id>.mha",
        "/input/tracer.json",
        "/input/inputs.json",
    )

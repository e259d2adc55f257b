"""What the server and `uptake try` share, so that they cannot differ."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from challenges.definition import Limits
from challenges.definition.limits import PhaseLimits
from challenges.selectors import definition_of
from submissions.judging.outcomes import own_doing
from submissions.judging.requests import limits_of_run, request_of
from submissions.judging.stopping import ends_submission, limit_reached
from submissions.sandbox.outcome import Failure, Owner
from submissions.services.scoring import input_of
from tests.scans import GRID

ROOT = Path(__file__).resolve().parents[2]
LIMITS = PhaseLimits.declared(Limits())


@pytest.mark.parametrize("path", sorted((ROOT / "submissions/judging").glob("*.py")), ids=str)
def test_nothing_shared_knows_a_database_or_a_setting(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert not name.startswith(("django", "docker", "config")), name
            assert not {"models", "services", "selectors"} & set(name.split(".")), name


def test_the_definition_gives_the_very_limits_that_the_phase_has(phase):
    (spec,) = definition_of(phase.challenge).phases
    assert PhaseLimits.declared(spec.limits) == PhaseLimits.kept(phase)


@given(
    memory=st.floats(0.01, 1024), minutes=st.floats(0.001, 1440), hours=st.none() | st.floats(1e-6, 1)
)  # fmt: skip
def test_no_limit_that_can_be_declared_becomes_nothing(memory, minutes, hours):
    limits = PhaseLimits.declared(
        Limits(memory_gib=memory, minutes_per_case=minutes, hours_in_all=hours)
    )
    assert limits.seconds_per_case >= 1
    assert (limits.seconds_total is None) == (hours is None)
    assert limits.seconds_total != 0
    assert abs(limits.memory_mib - memory * 1024) <= 0.5


def test_output_grows_with_the_image_eight_bytes_a_voxel_and_one_mebibyte():
    assert GRID.voxels == 960
    assert limits_of_run(LIMITS, GRID).output_mib == 2
    large = replace(GRID, size=(1024, 1024, 1))
    assert limits_of_run(LIMITS, large).output_mib == 9


def test_a_request_holds_what_the_definition_declares_and_no_more(phase, tmp_path):
    definition = definition_of(phase.challenge)
    case = input_of(phase.dataset.cases.first())
    request = request_of(
        run="r",
        attempt=2,
        case=replace(case, documents={"ehr": {"age": 61}}),
        definition=definition,
        limits=PhaseLimits.kept(phase),
        writable=["/opt/algorithm"],
        work=tmp_path,
    )
    assert [one.socket for one in request.images] == ["pet"]
    assert (request.inputs, request.outputs) == ((), ())
    assert request.writable == ("/opt/algorithm",)
    assert request.limits.memory_mib == 512


@pytest.mark.parametrize("code", ["killed_from_outside", "sandbox_died"])
def test_what_ends_so_for_the_third_time_does_it_to_itself(code):
    failure = Failure(code, "It ended.", Owner.PLATFORM)
    assert own_doing(failure, 0) == own_doing(failure, 1) == failure
    judged = own_doing(failure, 2)
    assert (judged.code, judged.owner) == (code, Owner.PARTICIPANT)
    assert judged.message.endswith("So it was in 3 attempts: the program does it to itself.")


def test_any_other_failure_stays_whose_it_is():
    failure = Failure("exit_code", "It ended.")
    assert own_doing(failure, 9) is failure


def test_only_the_first_cases_failure_ends_a_submission():
    assert ends_submission(is_canary=True, code="no_output")
    assert not ends_submission(is_canary=True, code="")
    assert not ends_submission(is_canary=False, code="no_output")


@pytest.mark.parametrize(
    ("limits", "seconds", "failed", "words"),
    [
        ({}, 1e9, 10**6, ""),
        ({"seconds_total": 60}, 59.9, 0, ""),
        ({"seconds_total": 60}, 60.0, 0, "took 60 s in all; the phase allows a submission 60 s"),
        ({"failed_in_a_row": 2}, 0, 1, ""),
        ({"failed_in_a_row": 2}, 0, 2, "2 cases failed one after another"),
    ],
)
def test_what_limits_a_whole_submission_ends_it_when_it_is_reached(limits, seconds, failed, words):
    reached = limit_reached(replace(LIMITS, **limits), seconds=seconds, failed_in_a_row=failed)
    assert (reached is not None) == bool(words)
    assert reached is None or (reached.code == "not_run" and words in reached.message)

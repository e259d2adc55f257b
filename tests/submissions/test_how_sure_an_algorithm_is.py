"""What an algorithm states beside its mask: taken, kept in private, scored, scored anew, shown."""

import copy
from pathlib import Path

import numpy as np
import pytest

from challenges.definition import ChallengeDefinition
from challenges.leases import Watch
from challenges.selectors import current_edition
from challenges.services.publishing import amend
from challenges.storage import private
from evaluation.confidence import ConfidenceSpec, Kind
from evaluation.counts import Counts
from evaluation.maps import kept_map
from evaluation.reliability import STEPS, Reliability, to_steps
from evaluation.volumes import read_volume
from leaderboards.models import Snapshot
from leaderboards.services import refresh
from leaderboards.tables import Table
from submissions.documents import judge_stated
from submissions.judging.requests import asked_of_baseline, asked_of_masks_alone, limits_of_run
from submissions.models import Attempt, CaseResult, Prediction, Run
from submissions.sandbox.outcome import Failure
from submissions.selectors.report import report
from submissions.services.checking import check_next
from submissions.services.rescoring import reconcile, rescore_next
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from tests.factories import a_challenge, a_phase, a_submission, a_user
from tests.scans import GRID
from tests.submissions.test_judging import LIMITS
from tests.submissions.test_predictions import processed, references, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hints")]
MAP = {"kind": "probability_map", "name": "pet-probability"}
VALUE = {"kind": "uncertainty_value", "name": "certainty", "dice_at_least": 0.9}
METRICS = ["dice", "expected_calibration_error", "brier"]

# Draws what has an SUV of 2.5 or more, and states SUV/8 of each voxel, and 0.75 of the mask.
PROGRAM = """
import argparse, pathlib, sys
sys.path.insert(0, {root!r})
import numpy as np
from evaluation.volumes import Volume, read_volume, write_mha
parser = argparse.ArgumentParser()
parser.add_argument("--input", type=pathlib.Path); parser.add_argument("--output", type=pathlib.Path)
given = parser.parse_args()
pet = read_volume(next((given.input / "images" / "pet").iterdir()))
def write(name, voxels, file="a.mha", grid=pet.geometry):
    folder = given.output / "images" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(write_mha(Volume(voxels, grid)))
suv = pet.voxels
likely = np.clip(suv / 8, 0, 1).astype(np.float32)
write("pet-lesion-segmentation", (suv >= 2.5).astype(np.uint8))
"""
STATES = {
    "map.py": 'write("pet-probability", likely)',
    "value.py": '(given.output / "certainty.json").write_text("0.75")',
    "nothing.py": "",
    "nan.py": 'likely[0, 0, 0] = np.nan; write("pet-probability", likely)',
    "suv.py": 'write("pet-probability", suv)',
    "two.py": 'write("pet-probability", likely); write("pet-probability", likely, "b.mha")',
    "grid.py": (
        "import dataclasses; moved = dataclasses.replace(pet.geometry, origin=(9.0, 9.0, 9.0))\n"
        'write("pet-probability", likely, grid=moved)'
    ),
    "high.py": '(given.output / "certainty.json").write_text("1.5")',
}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _programs(tmp_path, settings):
    settings.BASELINES = tmp_path / "stating"
    settings.BASELINES.mkdir()
    for name, lines in STATES.items():
        program = PROGRAM.replace("{root!r}", repr(str(ROOT))) + lines
        (settings.BASELINES / name).write_text(program)


def asking(tmp_path, asked, **how):
    evaluation = {"metrics": METRICS, "confidence": asked}
    return a_phase(a_challenge(tmp_path, evaluation=evaluation, **how))


def scored(phase, script, title="Threshold"):
    user = a_user(f"of {title}")
    submission = a_submission(phase, user=user, script=script, title=title)
    while any(
        (check_next(worker="h:1"), run_next(worker="h:2", engine=None), score_next(worker="h:3"))
    ):
        pass
    submission.refresh_from_db()
    return submission


def counted(result) -> Reliability:
    found = Counts.from_json(result.counts["lesion"]).reliability
    assert found is not None
    return found


# Kept


def test_a_map_is_kept_in_private_beside_its_mask_with_its_hash(tmp_path):
    phase = asking(tmp_path, MAP)
    assert scored(phase, "map.py").state == "scored"
    for prediction in Prediction.objects.select_related("run__case"):
        assert prediction.probability.path == private().path(prediction.probability.name)
        mask, kept = Path(prediction.file.path), Path(prediction.probability.path)
        assert kept.name == mask.name.replace(".mha", ".probability.mha")
        assert kept.parent == mask.parent
        volume = read_volume(kept)
        assert volume.sha256() == prediction.probability_sha256
        pet = read_volume(Path(prediction.run.case.images.get().file.path)).voxels
        expected = to_steps(np.clip(pet / 8, 0, 1).astype(np.float32))
        np.testing.assert_array_equal(kept_map(kept, GRID), expected)
        assert prediction.stated is None


def test_a_stated_number_is_kept_as_it_is(tmp_path):
    phase = asking(tmp_path, VALUE)
    assert scored(phase, "value.py").state == "scored"
    assert [(one.stated, bool(one.probability)) for one in Prediction.objects.all()] == [
        (0.75, False)
    ] * 3


def test_nothing_is_taken_where_nothing_is_asked_for(tmp_path):
    phase = a_phase(a_challenge(tmp_path))
    assert scored(phase, "map.py").state == "scored"
    assert not Prediction.objects.exclude(probability="").exists()
    assert all("reliability" not in one.counts["lesion"] for one in CaseResult.objects.all())


def test_a_late_writer_leaves_neither_mask_nor_map(tmp_path, monkeypatch):
    phase = asking(tmp_path, MAP)
    late = a_submission(phase, user=a_user("late"), script="map.py")
    assert check_next(worker="h:1")
    written = []

    def lost(*_, **__):
        written.extend(path.name for path in folder.iterdir())
        return False

    folder = Path(private().path(f"predictions/{late.public_id}"))
    monkeypatch.setattr("submissions.services.running.leases.leave", lost)
    assert run_next(worker="h:2", engine=None)
    assert len(written) == 2
    assert list(folder.iterdir()) == []
    assert not Prediction.objects.exists()


def test_output_grows_with_the_map_eight_bytes_a_voxel():
    large = GRID.__class__((1024, 1024, 1), (4.0, 4.0, 5.0))
    assert limits_of_run(LIMITS, large).output_mib == 9
    assert limits_of_run(LIMITS, large, volumes=2).output_mib == 17


# Refused


@pytest.mark.parametrize(
    ("asked", "script", "code"),
    [
        (MAP, "nan.py", "map_not_finite"),
        (MAP, "suv.py", "map_out_of_range"),
        (MAP, "two.py", "two_maps"),
        (MAP, "grid.py", "map_wrong_grid"),
        (VALUE, "high.py", "wrong_confidence"),
    ],
)
def test_what_is_there_and_no_probability_costs_the_case(tmp_path, asked, script, code):
    phase = asking(tmp_path, asked)
    assert scored(phase, script).state == "failed"
    assert Run.objects.get(is_canary=True).reason_code == code
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"NaN", "bad_json"),
        (b"[" * 60_000, "bad_json"),
        (b"1e999", "wrong_confidence"),
        (b"-0.1", "wrong_confidence"),
        (b"1.0001", "wrong_confidence"),
        (b"true", "wrong_confidence"),
        (b'"0.5"', "wrong_confidence"),
        (b'{"p": 0.5}', "wrong_confidence"),
        (b"null", "wrong_confidence"),
    ],
)
def test_only_one_number_from_0_to_1_is_a_stated_probability(content, code):
    asked = ConfidenceSpec(kind=Kind.UNCERTAINTY_VALUE, name="certainty", dice_at_least=0.9)
    found = judge_stated(content, asked)
    assert isinstance(found, Failure)
    assert found.code == code
    assert "/output/certainty.json" in found.message
    for good, value in ((b"0", 0.0), (b"1", 1.0), (b" 0.25\n", 0.25), (b"1e-3", 0.001)):
        assert judge_stated(good, asked) == value


def test_baselines_and_masks_made_elsewhere_are_never_asked_for_it(tmp_path, developer):
    phase = asking(tmp_path, {**MAP, "required": True})
    assert scored(phase, "nothing.py").state == "scored"
    phase.takes = ["container", "predictions"]
    phase.save()
    masks = {f"{name}.mha": content for name, content in references(phase).items()}
    assert processed(submitted(phase, developer, masks)).state == "scored"
    asked = ChallengeDefinition.model_validate(phase.challenge.protocols.get().document)
    assert asked.evaluation.confidence.required
    assert not asked_of_baseline(asked).evaluation.confidence.required
    assert asked_of_masks_alone(asked).evaluation.confidence is None


# Scored


def test_each_case_keeps_the_bins_of_a_reliability_diagram(tmp_path):
    """All 48 voxels of a lesion of SUV 6 state 0.75, and nothing else is judged."""
    phase = asking(tmp_path, {**MAP, "within_mm": 0.0})
    scored(phase, "map.py")
    for result in CaseResult.objects.all():
        found = counted(result)
        assert found.total == 48
        assert (found.number[7], found.held[7]) == (48, 48)
        assert found.stated[7] == 48 * STEPS * 3 // 4
        assert found.brier == 0.0625


def test_a_stated_number_is_counted_once_a_case(tmp_path):
    scored(asking(tmp_path, VALUE), "value.py")
    for result in CaseResult.objects.all():
        found = counted(result)
        assert (found.total, sum(found.held), found.brier) == (1, 1, 0.0625)


def columns(phase):
    refresh(phase=phase)
    table = Table.from_json(Snapshot.objects.latest("pk").document)
    return {
        row.algorithm: {
            column.metric: cell for column, cell in zip(table.columns, row.cells, strict=True)
        }
        for row in table.rows
    }


def test_the_leaderboard_shows_both_with_intervals_and_neither_ranks(tmp_path, client):
    phase = asking(tmp_path, {**MAP, "within_mm": 0.0})
    scored(phase, "map.py", "Sure")
    scored(phase, "nothing.py", "Silent")
    found = columns(phase)
    brier, error = found["Sure"]["brier"], found["Sure"]["expected_calibration_error"]
    assert (brier.mean, brier.count) == (0.0625, 3)
    assert (brier.low, brier.high) == (pytest.approx(0.0625), pytest.approx(0.0625))
    assert error.mean == 0.25
    silent = found["Silent"]["brier"]
    assert (silent.mean, silent.low, silent.count) == (None, None, 0)
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    page = client.get(address).content.decode()
    assert "ECE" in page
    assert "Brier" in page
    table = Table.from_json(Snapshot.objects.latest("pk").document)
    assert [column.metric for column in table.columns if column.ranked] == ["dice"]
    assert {row.rank for row in table.rows} == {1}


def test_scoring_anew_reads_what_was_kept_and_runs_nothing(tmp_path):
    phase = asking(tmp_path, {**MAP, "within_mm": 0.0})
    scored(phase, "map.py")
    attempts = Attempt.objects.count()
    document = copy.deepcopy(phase.challenge.protocols.all()[0].document)
    for within, total in ((10.0, None), (0.0, 48)):
        document["evaluation"]["confidence"]["within_mm"] = within
        phase.challenge.refresh_from_db()
        user = a_user("organiser")
        amend(challenge=phase.challenge, document=document, reason="Region.", by=user)
        reconcile(Watch(60))
        while rescore_next(worker="h:4"):
            pass
        results = CaseResult.objects.filter(edition=current_edition(phase))
        totals = {counted(one).total for one in results}
        assert len(results) == 3
        assert totals == {total} if total else min(totals) > 48
    first, _, last = (
        {one.run_id: one.counts for one in CaseResult.objects.filter(edition__number=number)}
        for number in (1, 2, 3)
    )
    assert first == last
    assert Attempt.objects.count() == attempts


def test_a_map_that_is_asked_for_later_is_missing_from_what_was_there_before(tmp_path):
    evaluation = {"metrics": ["dice"]}
    phase = a_phase(a_challenge(tmp_path, evaluation=evaluation))
    scored(phase, "map.py")
    document = copy.deepcopy(phase.challenge.protocols.get().document)
    document["evaluation"] |= {"metrics": METRICS, "confidence": {**MAP, "required": True}}
    amend(challenge=phase.challenge, document=document, reason="More.", by=a_user("organiser"))
    reconcile(Watch(60))
    while rescore_next(worker="h:4"):
        pass
    reconcile(Watch(60))
    found = columns(phase)["Threshold"]
    assert (found["dice"].mean, found["brier"].mean, found["brier"].count) == (1.0, None, 0)


# Hidden


def test_in_a_hidden_phase_neither_map_nor_number_nor_their_words_are_told(tmp_path, client):
    phase = asking(tmp_path, MAP, hidden=True)
    submission = scored(phase, "suv.py")
    user = submission.submitted_by
    assert "values from" in Run.objects.get(is_canary=True).reason_text
    assert "values from" not in str(report(user, submission).rows)
    client.force_login(user)
    page = client.get(f"/submissions/{submission.public_id}/").content.decode()
    assert "Not probabilities" in page
    assert "values from" not in page
    good = scored(phase, "map.py", "Good")
    client.force_login(good.submitted_by)
    page = client.get(f"/submissions/{good.public_id}/").content.decode()
    for prediction in Prediction.objects.filter(run__submission=good):
        assert prediction.probability_sha256 not in page
        assert prediction.probability.name not in page
        for name in (prediction.probability.name, prediction.file.name):
            assert client.get(f"/media/{name}").status_code == 404

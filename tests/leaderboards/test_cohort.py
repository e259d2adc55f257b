"""Metrics over the cohort on the leaderboard, and the rules in force beside it."""

import itertools

import pytest
from django.utils import timezone

from challenges.ingest import FolderRefused
from challenges.models import Phase
from challenges.selectors import current_edition
from leaderboards.selectors import board
from leaderboards.services import refresh
from submissions.models import CaseResult, Run, Submission
from tests.factories import a_challenge, a_phase, a_submission, a_user

pytestmark = pytest.mark.django_db
_numbers = itertools.count()
VOXEL_ML = 0.08


def scored(phase: Phase, title: str, *counts: tuple[int, int | None, int | None]) -> Submission:
    """counts: (reference, prediction, common) in voxels for each case; None for no result."""
    submission = a_submission(phase, user=a_user(f"dev-{next(_numbers)}"), title=title)
    submission.is_baseline = False
    for case, (reference, prediction, common) in zip(
        phase.dataset.cases.all(), counts, strict=True
    ):
        failed = prediction is None
        volume = None if prediction is None else prediction * VOXEL_ML
        run = Run.objects.create(
            submission=submission, case=case, state="done", reason_code="no_output" * failed
        )
        CaseResult.objects.create(
            run=run,
            target=case.references.get(),
            edition=current_edition(phase),
            metrics={"dice": {"lesion": {"value": 0.5, "worst": 0.0}}},
            counts={
                "lesion": {
                    "voxel_ml": VOXEL_ML,
                    "reference": reference,
                    "prediction": prediction,
                    "common": common,
                }
            },
            reference_ml={"lesion": reference * VOXEL_ML},
            prediction_ml={"lesion": volume},
            seconds=0.1,
        )
    submission.state, submission.ended_at = "scored", timezone.now()
    submission.save()
    return submission


@pytest.fixture
def phase(tmp_path):
    evaluation = {"metrics": ["dice", "dice_agg"], "ranking": {"metrics": ["dice_agg"]}}
    return a_phase(a_challenge(tmp_path, evaluation=evaluation))


def page_of(client, phase):
    refresh(phase=phase)
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"
    return client.get(address).content.decode()


def test_all_cases_together_make_the_value_and_the_rank(phase, client):
    scored(phase, "a", (100, 100, 50), (10, 10, 10), (10, 10, 10))
    scored(phase, "b", (100, 100, 90), (10, 10, 0), (10, 10, 0))
    refresh(phase=phase)
    table = board(a_user("x"), phase).table
    assert [row.algorithm for row in table.rows] == ["b", "a"]
    place = [column.key for column in table.columns].index("dice_agg")
    assert table.columns[place].cohort
    assert table.rows[0].cells[place].mean == pytest.approx(2 * 90 / 240)
    assert table.rows[0].cells[place].count == 3
    assert "Of all cases together" in page_of(client, phase)


def test_failing_never_pays_over_the_cohort(phase):
    """A missing result counts as false positives of 1000 ml, not as an empty mask."""
    scored(phase, "answers badly", (100, 100, 90), (0, 40, 0), (10, 10, 5))
    scored(phase, "fails there", (100, 100, 90), (0, None, None), (10, 10, 5))
    refresh(phase=phase)
    rows = board(a_user("x"), phase).table.rows
    assert [row.algorithm for row in rows] == ["answers badly", "fails there"]
    failed = 2 * 95 / (2 * 95 + 1000 / VOXEL_ML + 15 + 15)
    assert rows[1].cells[1].mean == pytest.approx(failed)


def test_outcomes_of_patients_come_from_the_table_of_cases(tmp_path):
    table = "case_id,patient_id,relapse,months\n" + "".join(
        f"case-{n},patient-{n},{n % 2},{n}\n" for n in (1, 2, 3)
    )
    challenge = with_table(tmp_path, table)
    phase = a_phase(challenge)
    # Events at 1 and 3 months; at 1 the largest volume: both of its pairs are concordant.
    scored(phase, "a", (100, 90, 80), (100, 50, 40), (100, 60, 50))
    refresh(phase=phase)
    (row,) = board(a_user("x"), phase).table.rows
    cell = row.cells[1]
    assert (cell.mean, cell.count) == (1.0, 3)
    assert cell.low is not None


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("case_id,months\ncase-1,1\ncase-2,2\ncase-3,3\n", "no column relapse"),
        ("case_id,relapse,months\ncase-1,perhaps,1\ncase-2,1,-2\ncase-3,1,x\n", "perhaps"),
    ],
)
def test_a_table_without_readable_outcomes_is_refused_before_anything_is_kept(
    tmp_path, table, text
):
    with pytest.raises(FolderRefused) as refusal:
        with_table(tmp_path, table)
    told = [str(problem) for problem in refusal.value.problems]
    assert any(text in one for one in told)
    if text == "perhaps":
        assert len(told) == 3, "every wrong row at once"


def with_table(tmp_path, table):
    from challenges.services.importing import import_challenge
    from tests.scans import write_challenge

    evaluation = {"metrics": ["dice", {"c_index": {"event": "relapse", "time": "months"}}]}
    folder = write_challenge(tmp_path / "small", slug="small", evaluation=evaluation)
    (folder / "cases.csv").write_text(table)
    return import_challenge(folder=folder, organiser=a_user("organiser"))[0]


def test_the_rules_in_force_stand_beside_the_leaderboard(tmp_path, client):
    evaluation = {
        "metrics": ["dice", "mtv_abs_error_ml"],
        "failure_volume_ml": 250.0,
        "empty_masks": {
            "overlap": {
                "both_empty": 1,
                "reference_empty": 0.25,
                "no_result_reference_empty": 0.125,
            }
        },
    }
    phase = a_phase(a_challenge(tmp_path, evaluation=evaluation))
    for page in (
        page_of(client, phase),
        client.get(f"/challenges/{phase.challenge.slug}/").content.decode(),
    ):
        assert "<td>0.125</td>" in page
        assert "at least 250 ml" in page


def test_a_tolerance_below_the_voxels_is_refused_unless_it_is_meant(tmp_path):
    def nsd(**settings):
        return {"evaluation": {"metrics": [{"nsd": settings}]}}

    with pytest.raises(FolderRefused, match="largest voxel edge is 5 mm"):
        a_challenge(tmp_path, slug="below", **nsd(tolerance_mm=4))
    a_challenge(tmp_path, slug="meant", **nsd(tolerance_mm=4, below_voxel=True))
    a_challenge(tmp_path, slug="above", **nsd(tolerance_mm=5))

"""Two submissions whose predictions are nearly identical are shown to the organiser."""

from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from scipy.ndimage import gaussian_filter

from challenges.storage import private
from evaluation.geometry import Geometry
from evaluation.similarity import sketch
from evaluation.volumes import Volume, write_mha
from submissions.models import Attempt, Prediction, Run, Similarity, Submission
from submissions.selectors import similar_pairs
from submissions.services import lifecycle, similarity
from submissions.services.rerunning import rerun
from submissions.services.similarity import compare, compare_next, not_compared
from tests.factories import a_challenge, a_phase, a_submission, a_user

pytestmark = pytest.mark.usefixtures("hints", "programs")
SHAPE = (30, 40, 40)
GRID = Geometry(size=(40, 40, 30), spacing=(4.0, 4.0, 4.0), origin=(0.0, 0.0, 0.0))


def pet(seed: int):
    """Five lesions of SUV up to 10, as blurred as a scanner's."""
    random = np.random.default_rng(seed)
    points = np.zeros(SHAPE)
    for z, y, x in random.integers(8, 22, (5, 3)):
        points[z, y, x] = 1
    suv = gaussian_filter(points, 3.0)
    return 10 * suv / suv.max()


def at_least(suv: float) -> list[np.ndarray]:
    return [(pet(case) >= suv).astype(np.uint8) for case in range(3)]


def with_noise(masks: list[np.ndarray], voxels: int = 20) -> list[np.ndarray]:
    """As someone might who hopes not to be found: so many voxels of each mask are changed."""
    changed = []
    for number, mask in enumerate(masks):
        places = np.random.default_rng(number).choice(mask.size, voxels, replace=False)
        other = mask.copy().ravel()
        other[places] ^= 1
        changed.append(other.reshape(SHAPE))
    return changed


def dice(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    return float(np.mean([
        2 * (one & other).sum() / (one.sum() + other.sum())
        for one, other in zip(first, second, strict=True)
    ]))  # fmt: skip


def answered(phase, by: str, masks: list, *, state: str = "scored", of=None) -> Submission:
    """An ended submission with these masks; None for a case without one."""
    made = of or a_submission(phase, user=a_user(by), title=f"Of {by}")
    for case, mask in zip(phase.dataset.cases.order_by("position"), masks, strict=False):
        run = Run.objects.create(submission=made, case=case, state="done")
        if mask is None:
            continue
        volume = Volume(mask, GRID)
        name = f"predictions/{made.public_id}/{run.public_id}-1.mha"
        Path(private().path(name)).parent.mkdir(parents=True, exist_ok=True)
        Path(private().path(name)).write_bytes(write_mha(volume))
        Prediction.objects.create(
            run=run,
            attempt=Attempt.objects.create(run=run, fence=1, worker="h:1"),
            file=name,
            sha256=volume.sha256(),
            sketch=sketch(mask),
        )
    Submission.objects.filter(pk=made.pk).update(state=state, ended_at=timezone.now())
    made.refresh_from_db()
    return made


def compare_all() -> None:
    while compare_next():
        pass


def pairs() -> list[tuple[Submission, Submission]]:
    return [(one.first, one.second) for one in Similarity.objects.order_by("first_id", "second_id")
            if one.first != one.second]  # fmt: skip


def test_a_copy_with_some_noise_is_found(phase):
    masks = at_least(4)
    first = answered(phase, "a", masks)
    second = answered(phase, "b", with_noise(masks))
    compare_all()
    assert pairs() == [(first, second)]
    found = Similarity.objects.get(first=first, second=second)
    assert found.dice == pytest.approx(dice(masks, with_noise(masks)), abs=1e-12)
    assert 0.98 < found.dice < 1
    assert found.cases == 3


@pytest.mark.parametrize(("low", "high"), [(2.5, 3.0), (4.0, 4.5), (4.0, 4.1)])
def test_two_thresholds_of_the_same_pet_are_not(phase, low, high):
    answered(phase, "a", at_least(low))
    answered(phase, "b", at_least(high))
    compare_all()
    assert pairs() == []


def test_noise_beyond_recognition_is_not(phase):
    masks = at_least(4)
    answered(phase, "a", masks)
    answered(phase, "b", with_noise(masks, voxels=400))
    assert dice(masks, with_noise(masks, voxels=400)) < 0.95
    compare_all()
    assert pairs() == []


def test_the_same_voxels_with_another_label_are_not(phase):
    masks = at_least(4)
    answered(phase, "a", masks)
    answered(phase, "b", [2 * mask for mask in masks])
    compare_all()
    assert pairs() == []


def test_a_case_in_which_neither_drew_anything_says_nothing(phase):
    empty = np.zeros(SHAPE, np.uint8)
    masks = [at_least(4)[0], empty, empty]
    first, second = answered(phase, "a", masks), answered(phase, "b", masks)
    answered(phase, "c", [empty, empty, empty])
    answered(phase, "d", [empty, empty, empty])
    compare_all()
    assert pairs() == [(first, second)]
    assert Similarity.objects.get(first=first, second=second).cases == 1


def test_a_case_in_which_one_drew_nothing_counts_as_nothing_in_common(phase):
    masks = at_least(4)
    answered(phase, "a", masks)
    answered(phase, "b", [*masks[:2], np.zeros(SHAPE, np.uint8)])
    compare_all()
    assert pairs() == []


def test_a_case_without_a_result_is_left_out_but_half_of_them_are_needed(phase):
    masks = at_least(4)
    first = answered(phase, "a", masks)
    second = answered(phase, "b", [*masks[:2], None], state="failed")
    answered(phase, "c", [masks[0], None, None], state="failed")
    compare_all()
    assert pairs() == [(first, second)]


def test_a_re_run_is_no_copy_of_its_original_but_of_anothers(phase):
    masks = at_least(4)
    first = answered(phase, "a", masks)
    again = answered(phase, "a", masks, of=rerun(submission=first, by=a_user("organiser")))
    other = answered(phase, "b", masks)
    compare_all()
    assert pairs() == [(first, other), (again, other)]


def test_two_versions_of_one_person_are_said_to_be_so_and_come_last(phase):
    masks = at_least(4)
    first = answered(phase, "a", masks)
    second = answered(phase, "a", masks)
    other = answered(phase, "b", with_noise(masks))
    compare_all()
    listed = similar_pairs(a_user("organiser"), phase.challenge)
    assert [(pair.both, pair.same_person) for pair in listed] == [
        ((first, other), False),
        ((second, other), False),
        ((first, second), True),
    ]


def test_another_phases_are_not_compared(phase, tmp_path):
    masks = at_least(4)
    answered(phase, "a", masks)
    answered(a_phase(a_challenge(tmp_path, slug="second")), "b", masks)
    compare_all()
    assert pairs() == []


def test_what_has_not_ended_waits(phase):
    masks = at_least(4)
    first = answered(phase, "a", masks)
    running = answered(phase, "b", masks, state="running")
    compare_all()
    assert pairs() == []
    lifecycle.cancel(submission=running)
    compare_all()
    assert pairs() == [(first, running)]


def test_each_is_compared_once_and_each_pair_is_found_in_any_order(phase):
    masks = at_least(4)
    made = [answered(phase, name, masks) for name in "abc"]
    for submission in (made[2], made[0], made[1]):
        compare(submission=submission)
    expected = [(made[0], made[1]), (made[0], made[2]), (made[1], made[2])]
    assert pairs() == expected
    assert not not_compared().exists()
    compare(submission=made[0])
    assert pairs() == expected, "twice is as good as once"


def test_a_worker_that_dies_leaves_it_to_the_next(phase, monkeypatch):
    masks = at_least(4)
    first, second = answered(phase, "a", masks), answered(phase, "b", masks)
    compare_next()

    def dies(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(similarity, "_dice", dies)
        with pytest.raises(SystemExit):
            compare_next()
    assert pairs() == []
    compare_all()
    assert pairs() == [(first, second)]


def test_a_message_that_was_lost_is_sent_again_until_all_are_compared(phase, hints):
    answered(phase, "a", at_least(4))
    hints.clear()
    similarity.reconcile()
    assert hints == ["submissions.compare"]
    compare_all()
    hints.clear()
    similarity.reconcile()
    assert hints == []


def test_scoring_asks_for_the_comparison(phase, hints, django_capture_on_commit_callbacks):
    submission = answered(phase, "a", at_least(4), state="scoring")
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.advance(submission=submission)
    assert "submissions.compare" in hints


def test_what_sketches_only_suggest_is_not_said(phase):
    first, _ = answered(phase, "a", at_least(2.5)), answered(phase, "b", at_least(4))
    for case, mask in enumerate(at_least(4)):
        one = Prediction.objects.filter(run__submission=first).order_by("run__case__position")[case]
        one.sketch = sketch(mask)
        one.save()
    compare_all()
    assert pairs() == []


def test_where_a_stored_mask_is_gone_the_sketches_are_believed(phase):
    masks = at_least(4)
    first, second = answered(phase, "a", masks), answered(phase, "b", with_noise(masks))
    Path(Prediction.objects.filter(run__submission=first)[0].file.path).unlink()
    compare_all()
    assert pairs() == [(first, second)]


def test_many_are_compared_with_few_questions_to_the_database(phase):
    """As many for twenty as for two, where none is alike."""

    def questions(others: int, newest_from: float) -> int:
        for number in range(others):
            answered(phase, f"{others}-{number}", at_least(6 + number / 10))
        compare_all()
        newest = answered(phase, f"newest of {others}", at_least(newest_from))
        with CaptureQueriesContext(connection) as captured:
            compare(submission=newest)
        return len(captured)

    assert questions(2, 2.0) == questions(20, 3.0)


def test_one_that_differs_is_left_out_after_a_few_cases(db, tmp_path):
    phase = a_phase(a_challenge(tmp_path, slug="many", cases=24))
    masks = [at_least(4)[case % 3] for case in range(24)]
    first = answered(phase, "a", masks)
    copy = answered(phase, "b", masks)
    answered(phase, "c", [at_least(7)[case % 3] for case in range(24)])
    compare_all()
    assert pairs() == [(first, copy)]


def test_organisers_see_the_pairs_with_people_dice_and_cases_beside_their_submissions(phase):
    masks = at_least(4)
    first, second = answered(phase, "ada", masks), answered(phase, "bob", with_noise(masks))
    answered(phase, "bob", with_noise(masks))
    compare_all()
    client = Client()
    client.force_login(a_user("organiser"))
    page = " ".join(
        client.get(f"/challenges/{phase.challenge.slug}/submissions/").content.decode().split()
    )
    assert "Nearly identical predictions" in page
    assert f"{dice(masks, with_noise(masks)):.4f}" in page
    for words in (first.public_id, second.public_id, "by ada", "by bob", "same person"):
        assert words in page, words


def test_without_a_pair_the_page_does_not_speak_of_them(phase):
    answered(phase, "a", at_least(4))
    compare_all()
    client = Client()
    client.force_login(a_user("organiser"))
    page = client.get(f"/challenges/{phase.challenge.slug}/submissions/").content.decode()
    assert "early identical" not in page

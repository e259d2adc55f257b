"""The leaderboard of many entries: what it shows, of whom, and with how many questions asked."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from challenges.models import Membership
from leaderboards import selectors
from leaderboards.models import Scores, Slice, Snapshot
from leaderboards.selectors import board, snapshot_of
from leaderboards.services import refresh
from submissions.models import CaseResult
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
EVALUATION = {"metrics": ["dice", "mtv_abs_error_ml", "case_specificity"]}


def address(phase, query=""):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/{query}"


def questions(client, phase, query="") -> int:
    selectors._read.cache_clear()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = client.get(address(phase, query))
    assert answer.status_code == 200
    return len(asked)


def test_many_entries_ask_no_more_than_few(tmp_path, client):
    few = a_crowded_phase(tmp_path, cases=4, qualities=[1.0, 0.5, 0.2], evaluation=EVALUATION)
    many = a_crowded_phase(
        tmp_path, cases=4, qualities=[0.01 * at for at in range(120)], slug="many",
        evaluation=EVALUATION,
    )  # fmt: skip
    for phase in (few, many):
        refresh(phase=phase)
    assert questions(client, few) == questions(client, many) <= 20
    assert questions(client, few, "?sort=dice") == questions(client, many, "?page=3&sort=dice")


def test_rows_come_in_pages_in_one_order(tmp_path):
    phase = a_crowded_phase(
        tmp_path, cases=3, qualities=[0.02 * at for at in range(60)], evaluation=EVALUATION
    )
    refresh(phase=phase)
    viewer = a_user("anyone")
    pages = [board(viewer, phase, page=number) for number in (1, 2, 3)]
    assert [len(one.table.rows) for one in pages] == [50, 10, 10], "past the end is the last"
    assert pages[2].page == 2
    ranks = [row.rank for one in pages[:2] for row in one.table.rows]
    assert ranks == sorted(ranks)
    assert len({row.submission for one in pages[:2] for row in one.table.rows}) == 60


def test_each_rank_says_how_sure_it_is(tmp_path, client):
    phase = a_crowded_phase(
        tmp_path, cases=40, qualities=[2.0, 1.98, -1.0], titles=["a", "b", "far behind"],
        evaluation=EVALUATION,
    )  # fmt: skip
    refresh(phase=phase)
    rows = {row.algorithm: row for row in board(a_user("x"), phase).table.rows}
    last = rows["far behind"]
    assert (last.rank, last.low, last.high, last.set_low, last.set_high) == (3, 3, 3, 3, 3)
    for name in ("a", "b"):
        assert (rows[name].low, rows[name].high) == (1, 2)
        assert rows[name].tier == 1
    assert last.tier == 2
    dice = last.cells[0]
    assert dice.low < dice.mean < dice.high
    assert "1–2" in client.get(address(phase)).content.decode()


def test_a_group_of_cases_has_ranks_of_its_own(tmp_path, client):
    phase = a_crowded_phase(tmp_path, cases=24, qualities=[1.0, 0.0], evaluation=EVALUATION)
    refresh(phase=phase)
    shown = board(a_user("x"), phase, group="tracer:PSMA-11")
    assert shown.chosen is not None
    assert shown.chosen.cases == 6
    assert {row.cases for row in shown.table.rows} == {6}
    assert {one.grouping for one in shown.choices} == {
        "tracer", "scanner", "centre", "lesion_free", "lesion_count", "lesion_volume",
    }  # fmt: skip
    page = client.get(address(phase, "?group=tracer:PSMA-11")).content.decode()
    assert "of these cases alone" in page
    assert board(a_user("x"), phase, group="tracer:nonsense").chosen is None


class TestHidden:
    @pytest.fixture
    def phase(self, tmp_path):
        phase = a_crowded_phase(
            tmp_path, cases=36, qualities=[1.0, 0.0], hidden=True, evaluation=EVALUATION
        )
        refresh(phase=phase)
        return phase

    def test_no_figure_stands_on_fewer_than_ten_patients(self, phase, client):
        (first, _) = board(a_user("stranger"), phase).table.rows
        dice, volume, specificity = first.cells
        assert dice is not None
        assert dice.patients >= 10
        assert volume is not None
        assert specificity is None, "seven cases are free of lesions"
        assert first.set_low is not None, "it does not rank, and is not tested"
        assert "withheld" in client.get(address(phase)).content.decode()
        organiser = Membership.objects.get(challenge=phase.challenge).user
        assert board(organiser, phase).table.rows[0].cells[2].count == 7

    def test_of_few_patients_neither_tests_nor_resamples_are_told(self, tmp_path):
        phase = a_crowded_phase(
            tmp_path, cases=6, qualities=[1.0, 0.0], hidden=True, slug="few", evaluation=EVALUATION
        )
        refresh(phase=phase)
        for row in board(a_user("stranger"), phase).table.rows:
            assert row.rank is not None
            assert (row.low, row.set_low, row.tier, row.mean_rank) == (None, None, None, None)
        organiser = Membership.objects.get(challenge=phase.challenge).user
        assert all(row.tier for row in board(organiser, phase).table.rows)

    def test_sorting_by_what_is_withheld_tells_nothing(self, phase):
        orders = {
            tuple(row.submission for row in board(a_user("s"), phase, sort="case_specificity",
                                                  order=order).table.rows)
            for order in ("asc", "desc")
        }  # fmt: skip
        by_rank = tuple(row.submission for row in board(a_user("s"), phase).table.rows)
        assert orders == {by_rank}

    def test_groups_too_small_are_not_to_be_chosen(self, phase):
        small = Slice.objects.filter(withheld=True).first()
        assert small is not None
        key = f"{small.grouping}:{small.label}"
        stranger = board(a_user("stranger"), phase, group=key)
        assert stranger.chosen is None
        assert stranger.withheld == Slice.objects.filter(withheld=True).count()
        organiser = Membership.objects.get(challenge=phase.challenge).user
        assert board(organiser, phase, group=key).chosen is not None

    def test_single_cases_are_drawn_for_organisers_only(self, phase, client):
        assert not board(a_user("stranger"), phase).dots
        assert 'class="dots"' not in client.get(address(phase)).content.decode()
        organiser = Membership.objects.get(challenge=phase.challenge).user
        assert board(organiser, phase).dots


def test_the_board_of_a_day_is_the_last_of_that_day(tmp_path, client):
    phase = a_crowded_phase(tmp_path, cases=4, qualities=[1.0], evaluation=EVALUATION)
    old = refresh(phase=phase)
    Snapshot.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=3))
    CaseResult.objects.order_by("pk").last().delete()
    new = refresh(phase=phase)
    assert new.pk != old.pk
    today = timezone.now().date()
    assert snapshot_of(phase).pk == snapshot_of(phase, as_of=today).pk == new.pk
    assert snapshot_of(phase, as_of=today - timedelta(days=1)).pk == old.pk
    assert snapshot_of(phase, as_of=today - timedelta(days=9)) is None
    page = client.get(address(phase, f"?as_of={today - timedelta(days=9)}")).content.decode()
    assert "Nothing had been scored by" in page
    for last in ("9999-12-31", "0001-01-01"):
        assert client.get(address(phase, f"?as_of={last}")).status_code == 200
    assert "is no day" in client.get(address(phase, "?as_of=yesterday")).content.decode()


def test_scores_are_read_from_their_rows_once(tmp_path, django_assert_max_num_queries):
    phase = a_crowded_phase(tmp_path, cases=6, qualities=[1.0, 0.5], evaluation=EVALUATION)
    refresh(phase=phase)
    made = {one.submission_id: one.made_of for one in Scores.objects.all()}
    assert len(made) == 2
    result = CaseResult.objects.order_by("pk").last()
    result.pk = None
    CaseResult.objects.filter(run=result.run).delete()
    result.save()
    changed = result.run.submission_id
    refresh(phase=phase)
    now = {one.submission_id: one.made_of for one in Scores.objects.all()}
    assert now[changed] != made[changed]
    assert all(now[one] == made[one] for one in made if one != changed)

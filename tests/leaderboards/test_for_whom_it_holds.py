"""Entries on groups of cases, and each entry on a page of its own."""

import pytest

from challenges.models import Membership
from leaderboards.entry import entry_of
from leaderboards.selectors import _read, board
from leaderboards.services import refresh
from leaderboards.states import states_of
from leaderboards.subgroups import subgroups
from submissions.models import CaseResult, Submission
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
EVALUATION = {"metrics": ["dice", "mtv_abs_error_ml", "case_specificity"]}


@pytest.fixture
def phase(tmp_path):
    phase = a_crowded_phase(
        tmp_path, cases=24, qualities=[1.5, 0.5, 0.0], titles=["good", "fair", "baseline"],
        baselines=1, failing={1: 2}, evaluation=EVALUATION,
    )  # fmt: skip
    worse_on(phase, "good", "PSMA-11")
    refresh(phase=phase)
    return phase


def worse_on(phase, title, tracer):
    """Half the Dice on the cases of one tracer."""
    results = CaseResult.objects.filter(run__submission__version__algorithm__title=title)
    for result in results.select_related("run__case"):
        cell = result.metrics["dice"]["lesion"]
        if result.run.case.metadata["tracer"] == tracer and cell["value"] is not None:
            cell["value"] /= 2
            result.save()


def base(phase):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/"


def test_the_worst_group_is_told_with_how_far_it_is_from_the_best(phase, client):
    found = subgroups(a_user("x"), phase, by="tracer", metric="dice")
    assert [choice.label for choice in found.choices] == ["FDG", "PSMA-11"]
    good = next(one for one in found.rows if one.row.algorithm == "good")
    fdg, psma = (cell.mean for cell in good.cells)
    assert (good.best, good.worst) == (0, 1)
    assert good.gap == pytest.approx(fdg - psma)
    assert good.gap > 0.3
    assert psma == pytest.approx(
        sum(
            one.metrics["dice"]["lesion"]["value"] or 0
            for one in CaseResult.objects.filter(
                run__submission__version__algorithm__title="good",
                run__case__metadata__tracer="PSMA-11",
            )
        )
        / good.cells[1].count
    )
    page = client.get(base(phase) + "subgroups/?by=tracer&metric=dice").content.decode()
    assert "worst" in page
    assert "PSMA-11" in page


def test_where_lower_is_better_the_worst_is_the_largest(phase):
    found = subgroups(a_user("x"), phase, by="lesion_volume", metric="mtv_abs_error_ml")
    labels = [choice.label for choice in found.choices]
    assert labels[0] == "0 ml"
    assert labels[1].startswith("up to")
    assert labels[-1].startswith("above")
    complete = [one for one in found.rows if not one.row.failed]
    assert {one.worst for one in complete} == {len(labels) - 1}


def test_nonsense_is_read_as_the_first_choice(phase, client):
    found = subgroups(a_user("x"), phase, by="<script>", metric="nothing")
    assert found.grouping == found.groupings[0]
    assert found.column is not None
    assert client.get(base(phase) + "subgroups/?by=%01&metric=%01&page=-4").status_code == 200


def test_an_entrys_page_tells_its_groups_volumes_failures_and_worst_cases(phase, client):
    fair = Submission.objects.get(version__algorithm__title="fair")
    found = entry_of(a_user("x"), phase, fair.public_id, metric="dice")
    assert found is not None
    assert {choice.grouping for choice, _ in found.groups} >= {"tracer", "centre", "lesion_free"}
    assert len(found.failures) == 2
    assert [one.value for one in found.worst] == sorted(one.value for one in found.worst)
    assert found.worst[0].value == 0
    (volumes,) = found.volumes
    assert len(volumes.agreement.failures) == 2
    assert volumes.plot is not None
    assert len(volumes.plot.marks) == len(volumes.agreement.compared)
    page = client.get(f"{base(phase)}entries/{fair.public_id}/").content.decode()
    for words in ("Bland–Altman", "Dice against lesion volume", "Its worst cases", "2 failed"):
        assert words in page


def test_an_entry_of_no_leaderboard_has_no_page(phase, client):
    for name in ("nobody", "reader:Expert", "a" * 300):
        assert client.get(f"{base(phase)}entries/{name}/").status_code == 404


def test_hidden_cases_are_told_one_by_one_to_organisers_only(tmp_path, client):
    phase = a_crowded_phase(
        tmp_path, cases=36, qualities=[1.0, 0.5], hidden=True, failing={0: 3}, evaluation=EVALUATION
    )
    refresh(phase=phase)
    entry = board(a_user("stranger"), phase).table.rows[0].submission
    address = f"{base(phase)}entries/{entry}/"
    page = client.get(address).content.decode()
    assert "for its organisers" in page
    for case in phase.dataset.cases.all():
        assert case.public_id not in page
        assert case.name not in page
    stranger = entry_of(a_user("stranger"), phase, entry)
    assert (stranger.volumes, stranger.failures, stranger.worst) == ((), (), ())
    for _, row in stranger.groups:
        assert all(cell is None or cell.patients >= 10 for cell in row.cells)
    organiser = Membership.objects.get(challenge=phase.challenge).user
    client.force_login(organiser)
    assert "Its worst cases" in client.get(address).content.decode()


def test_questions_do_not_grow_with_entries(tmp_path, client, django_assert_max_num_queries):
    few = a_crowded_phase(tmp_path, cases=6, qualities=[1.0, 0.5], evaluation=EVALUATION)
    many = a_crowded_phase(
        tmp_path, cases=6, qualities=[0.02 * at for at in range(40)], slug="many",
        evaluation=EVALUATION,
    )  # fmt: skip
    for phase in (few, many):
        refresh(phase=phase)
        _read.cache_clear()
        with django_assert_max_num_queries(24):
            assert client.get(base(phase) + "subgroups/?by=tracer").status_code == 200


def test_every_state_is_listed_with_what_changed(phase, client):
    (first,) = states_of(phase)
    assert (first.change.entries, first.change.new, first.change.moved) == (3, 3, 0)
    assert not first.change.leader
    anew = CaseResult.objects.filter(run__submission__version__algorithm__title="fair")
    for result in anew:
        result.pk = None
        result.metrics["dice"]["lesion"] = {"value": 0.99, "worst": 0.0}
        result.metrics["mtv_abs_error_ml"]["lesion"] = {"value": 0.0, "worst": 1000.0}
        CaseResult.objects.filter(run=result.run_id).delete()
        result.save()
    refresh(phase=phase)
    newest, oldest = states_of(phase)
    assert oldest == first
    assert (newest.change.new, newest.change.gone, newest.change.leader) == (0, 0, True)
    assert newest.change.moved >= 2
    assert newest.content_hash != first.content_hash
    page = client.get(f"{base(phase)}states/").content.decode()
    assert newest.content_hash in page
    assert "the first place is another’s" in page

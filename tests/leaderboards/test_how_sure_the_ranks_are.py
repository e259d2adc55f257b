"""The page of how sure ranks are: drawn by a worker once, shown to whom it may be."""

import csv
import io
import threading
from dataclasses import asdict, replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from django.db import connection, transaction
from django.utils import timezone

from challenges import leases
from challenges.models import Challenge, Membership
from challenges.services.members import add_member
from evaluation.standings.reading import uncertainty_of
from leaderboards import drawings
from leaderboards.drawings import ask, draw_next, reconcile
from leaderboards.figures.kinds import DRAWN, Format, Kind, kinds_of
from leaderboards.models import Drawing, Figure, Snapshot
from leaderboards.selectors import _read
from leaderboards.services import refresh
from leaderboards.uncertain import WITHHELD, WITHHELD_CENTRES
from submissions.models import CaseResult
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db
EVALUATION = {"metrics": ["dice", "mtv_abs_error_ml"]}
TITLES = [
    "nnU-Net <b>with</b> a name that is too long to stand in any figure whole",
    "=1+1",
    "third",
]
OF_CASES = ("significance-map", "podium", "rank-heat-map")


@pytest.fixture(autouse=True)
def messages(monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr(
        "accounts.hints.current_app.send_task", lambda name, *_, **__: sent.append(name)
    )
    _read.cache_clear()
    return sent


def a_phase_with(tmp_path, *, cases=24, qualities=(1.5, 0.9, 0.2), **more):
    phase = a_crowded_phase(
        tmp_path, cases=cases, qualities=list(qualities), titles=TITLES[: len(qualities)],
        evaluation=EVALUATION, **more,
    )  # fmt: skip
    refresh(phase=phase)
    return phase


@pytest.fixture
def phase(tmp_path):
    return a_phase_with(tmp_path)


def draw_all():
    while draw_next(worker="h:1"):
        pass


def page_of(phase):
    return f"/challenges/{phase.challenge.slug}/{phase.slug}/leaderboard/uncertainty/"


def file_of(phase, kind, suffix="svg", snapshot=None):
    found = snapshot or Snapshot.objects.filter(edition__phase=phase).first()
    return f"{page_of(phase)}{found.pk}/{kind}.{suffix}"


def another_result(phase):
    """So that there is a new snapshot."""
    result = CaseResult.objects.exclude(metrics__dice__lesion__value=None).first()
    result.metrics["dice"]["lesion"]["value"] /= 2
    result.pk = None
    CaseResult.objects.filter(run=result.run, target=result.target).delete()
    result.save()
    return refresh(phase=phase)


def test_a_snapshot_has_its_figures_drawn_by_a_worker_and_once(
    phase, messages, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        newest = another_result(phase)
    assert drawings.DRAW in messages
    drawing = Drawing.objects.get(snapshot=newest)
    assert drawing.state == "waiting"
    draw_all()
    drawing.refresh_from_db()
    assert drawing.state == "drawn"
    kinds = kinds_of(uncertainty_of(newest.analysis.document))
    assert set(kinds) == set(Kind) - {Kind.READERS}
    files = Figure.objects.filter(drawing=drawing)
    assert files.count() == len(kinds) * len(DRAWN)
    before = set(files.values_list("pk", flat=True))
    ask(newest)
    assert not draw_next(worker="h:2")
    assert set(files.values_list("pk", flat=True)) == before


def test_a_kind_at_a_time_so_that_other_work_is_let_in_between(phase, messages):
    assert draw_next(worker="h:1")
    assert Figure.objects.count() == len(DRAWN)
    assert messages[-1] == drawings.DRAW
    assert Drawing.objects.get().state == "waiting"


def test_of_snapshots_that_follow_each_other_only_the_last_is_drawn(phase, client):
    first = Snapshot.objects.get()
    assert draw_next(worker="h:1")
    second = another_result(phase)
    draw_all()
    states = dict(Drawing.objects.values_list("snapshot", "state"))
    assert states == {first.pk: "put_off", second.pk: "drawn"}
    Snapshot.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=3))
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    page = client.get(f"{page_of(phase)}?as_of={day}").content.decode()
    assert "being drawn" in page
    assert Drawing.objects.get(snapshot=first).state == "waiting"
    draw_all()
    assert Drawing.objects.get(snapshot=first).state == "drawn"
    assert "being drawn" not in client.get(f"{page_of(phase)}?as_of={day}").content.decode()


def test_a_worker_that_dies_leaves_no_half_and_another_goes_on(phase, monkeypatch):
    now = [0.0]
    watch = leases.Watch(60, clock=lambda: now[0])

    def killed(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("leaderboards.figures.drawing.files_of", killed)
        with pytest.raises(SystemExit):
            draw_next(worker="h:1")
    assert Drawing.objects.get().state == "drawing"
    assert not Figure.objects.exists()
    assert not draw_next(worker="h:2")
    reconcile(watch)
    now[0] = 61.0
    reconcile(watch)
    assert Drawing.objects.get().state == "waiting"
    draw_all()
    assert Drawing.objects.get().state == "drawn"


def test_what_kills_every_worker_is_given_up_and_the_page_says_so(phase, client):
    for at in range(drawings.PLATFORM_FAULTS):
        row = Drawing.objects.get()
        assert leases.claim(row, source="waiting", target="drawing", worker=f"h:{at}")
        leases.give_up_leases_of("h", Drawing)
        reconcile(leases.Watch(60))
    assert Drawing.objects.get().state == "failed"
    page = client.get(page_of(phase)).content.decode()
    assert "could not be drawn" in page
    assert "being drawn" not in page
    assert client.get(file_of(phase, "podium")).status_code == 404
    assert client.get(file_of(phase, "podium", "csv")).status_code == 200


def test_a_worker_that_froze_cannot_write_over_its_successor(phase, monkeypatch):
    from leaderboards.figures import drawing

    really = drawing.files_of

    def slow(*_, **__):
        leases.give_up_leases_of("h", Drawing)
        reconcile(leases.Watch(60))
        monkeypatch.setattr(drawing, "files_of", really)
        draw_all()
        return {Format.SVG: b"stale"}

    monkeypatch.setattr(drawing, "files_of", slow)
    assert draw_next(worker="h:1")
    assert Drawing.objects.get().state == "drawn"
    assert not [one for one in Figure.objects.all() if bytes(one.content) == b"stale"]


def test_one_kind_that_cannot_be_drawn_keeps_no_other_from_it(phase, client, monkeypatch):
    from leaderboards.figures import drawing

    really = drawing.files_of

    def but_for_one(kind, *more, **named):
        if kind is Kind.PODIUM:
            raise ValueError("no such thing")
        return really(kind, *more, **named)

    monkeypatch.setattr(drawing, "files_of", but_for_one)
    draw_all()
    assert Drawing.objects.get().state == "drawn"
    assert Drawing.objects.get().failed == ["podium"]
    assert client.get(file_of(phase, "podium")).status_code == 404
    assert client.get(file_of(phase, "stability")).status_code == 200
    assert "could not be drawn" in client.get(page_of(phase)).content.decode()


def test_what_was_never_asked_for_is_found_for_the_newest_alone(phase, messages):
    Drawing.objects.all().delete()
    second = another_result(phase)
    Drawing.objects.all().delete()
    messages.clear()
    reconcile(leases.Watch(60))
    assert list(Drawing.objects.values_list("snapshot", flat=True)) == [second.pk]
    assert drawings.DRAW in messages


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_draw_everything_once(tmp_path):
    a_phase_with(tmp_path)
    problems: list[BaseException] = []

    def work(name):
        try:
            for _ in range(20):
                draw_next(worker=name)
        except BaseException as error:
            problems.append(error)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"h:{at}",)) for at in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not problems
    drawing = Drawing.objects.get()
    assert drawing.state == "drawn"
    assert drawing.figures.count() == 7 * len(DRAWN)


def test_the_page_says_what_was_done_and_how_each_figure_is_read(phase, client):
    draw_all()
    page = client.get(page_of(phase)).content.decode()
    analysis = uncertainty_of(Snapshot.objects.get().analysis.document)
    assert analysis.resampled is not None
    assert f"<code>{analysis.resampled.seed}</code>" in page
    assert f"({analysis.resampled.patients})" in page
    assert "In each of 1\u202f000 resamples" in page
    assert "Intervals hold for these centres; leave-one-centre-out describes transfer" in page
    assert "a third entry may change the order of two" in page
    assert "all 3 competing entries" in page
    assert "There are no scores of the entries against single readers." in page
    assert page.count("<svg") == page.count("</svg>") == 7
    assert page.count("<summary>The numbers</summary>") == 7
    assert page.count('class="sure"') == 8
    assert "style=" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;with&lt;/b&gt; a name that is too long to stand in any figure whole" in page
    assert 'hx-trigger="every 2s"' not in page


def test_while_a_figure_is_drawn_the_page_asks_for_it_and_its_numbers_are_there(phase, client):
    assert draw_next(worker="h:1")
    page = client.get(page_of(phase)).content.decode()
    assert "6 figures are being drawn" in page
    assert 'hx-trigger="every 2s"' in page
    assert "#significance-map,#podium," in page
    assert "#rank-distribution," not in page
    assert page.count("<svg") == 1
    assert page.count("<summary>The numbers</summary>") == 7
    waits = client.get(file_of(phase, "podium"))
    assert waits.status_code == 503
    assert waits["Retry-After"]


def test_every_figure_is_taken_away_in_four_formats(phase, client):
    draw_all()
    for kind in set(Kind) - {Kind.READERS}:
        svg, png, pdf, table = (client.get(file_of(phase, kind, one.value)) for one in Format)
        assert ET.fromstring(svg.content).tag.endswith("svg")
        assert png.content.startswith(b"\x89PNG")
        assert pdf.content.startswith(b"%PDF")
        rows = list(csv.reader(io.StringIO(table.content.decode())))
        assert len(rows) > 2
        assert not [cell for row in rows for cell in row if cell.startswith("=")]
        for one, suffix in ((svg, "svg"), (png, "png"), (pdf, "pdf"), (table, "csv")):
            assert f'filename="crowd-open-{kind}.{suffix}"' in one["Content-Disposition"]
    assert client.get(file_of(phase, Kind.READERS, "csv")).status_code == 404
    assert client.get(file_of(phase, "podium", "exe")).status_code == 404
    assert client.get(file_of(phase, "everything", "csv")).status_code == 404


def test_a_snapshot_of_another_phase_is_none_of_this_one(phase, tmp_path, client):
    other = a_phase_with(tmp_path / "other", slug="other")
    theirs = Snapshot.objects.get(edition__phase=other)
    assert client.get(file_of(other, "podium", "csv")).status_code == 200
    assert client.get(file_of(phase, "podium", "csv", theirs)).status_code == 404


@pytest.mark.parametrize(
    ("qualities", "baselines", "told"),
    [((), 0, "No entry has been scored"), ((1.0,), 0, "One entry competes"),
     ((1.0, 0.5), 2, "No entry competes")],
)  # fmt: skip
def test_a_pool_that_is_too_small_says_what_is_missing(
    tmp_path, client, qualities, baselines, told
):
    phase = a_phase_with(tmp_path, cases=6, qualities=qualities, baselines=baselines)
    if not qualities:
        Snapshot.objects.all().delete()
    answer = client.get(page_of(phase))
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not Drawing.objects.exists()


def test_nonsense_for_a_day_is_the_present_page_and_says_so(phase, client):
    page = client.get(f"{page_of(phase)}?as_of=tomorrow").content.decode()
    assert "“tomorrow” is no day" in page
    early = client.get(f"{page_of(phase)}?as_of=2020-01-01")
    assert "Nothing had been scored by 2020-01-01" in early.content.decode()


def test_where_tests_and_means_disagree_the_page_says_so(phase, client):
    analysis = Snapshot.objects.get().analysis
    found = uncertainty_of(analysis.document)
    assert found.tested is not None
    first, second, third = found.entries
    told = replace(found.tested, against_means=((first, second),), against_ranks=((third, second),))
    analysis.document = asdict(replace(found, pool=7, tested=told))
    analysis.save()
    page = client.get(page_of(phase)).content.decode()
    assert (
        "significantly better than =1+1 by the test of Dice, yet its mean is the worse one" in page
    )
    assert "third is significantly better than =1+1 in Dice, yet stands behind it" in page
    assert "covers the first 3 of 7 competing entries" in page


def people(challenge):
    add_member(challenge=challenge, user=a_user("steward"), role=Membership.Role.STEWARD)
    add_member(challenge=challenge, user=a_user("reviewer"), role=Membership.Role.REVIEWER)
    return {"": False, "anyone": False, "reviewer": False, "steward": True, "organiser": True}


@pytest.mark.parametrize("cases", [9, 24, 90])
def test_few_hidden_patients_and_small_centres_are_told_of_to_organisers_alone(
    tmp_path, client, cases
):
    phase = a_phase_with(tmp_path, cases=cases, hidden=True)
    draw_all()
    for name, trusted in people(phase.challenge).items():
        client.logout()
        if name:
            client.force_login(a_user(name))
        open_to, centres = trusted or cases > 9, trusted or cases == 90
        page = client.get(page_of(phase)).content.decode()
        assert (WITHHELD in page) is not open_to
        assert (WITHHELD_CENTRES in page) is not centres
        assert ("Holm’s adjusted p" in page) is open_to
        assert ("Aachen" in page) is centres
        told = client.get(f"/api/v1/challenges/crowd/phases/{phase.slug}/uncertainty").json()
        assert (told["tested"] is not None) is open_to
        assert ("tests" in told["refused"]) is not open_to
        assert bool(told["centres"]) is centres
        for kind in set(Kind) - {Kind.READERS}:
            for one in Format:
                granted = centres if kind == "centres" else open_to
                expected = 200 if granted else 404
                address = file_of(phase, kind, one.value)
                assert client.get(address).status_code == expected, (name, address)


def test_a_challenge_that_is_prepared_shows_nothing_to_others(phase, client):
    draw_all()
    Challenge.objects.update(published_at=None)
    for name, trusted in people(phase.challenge).items():
        client.logout()
        if name:
            client.force_login(a_user(name))
        granted = trusted or name == "reviewer"
        api = f"/api/v1/challenges/crowd/phases/{phase.slug}/uncertainty"
        for address in (page_of(phase), file_of(phase, "stability"), api):
            assert (client.get(address).status_code == 200) is granted, (name, address)


def test_the_api_gives_the_numbers_that_the_snapshot_holds(phase, client):
    told = client.get(f"/api/v1/challenges/crowd/phases/{phase.slug}/uncertainty").json()
    found = Snapshot.objects.get().analysis.document
    for name in ("resampled", "tested", "schemes", "readers", "centres", "refused", "pool"):
        assert told[name] == found[name], name
    assert [one["submission"] for one in told["entries"]] == found["entries"]
    assert [one["rank"] for one in told["entries"]] == found["ranks"]
    assert {one["kind"] for one in told["figures"]} == set(Kind) - {"readers"}
    assert client.get(told["figures"][0]["files"]["csv"]).status_code == 200
    day = client.get(f"/api/v1/challenges/crowd/phases/{phase.slug}/uncertainty?as_of=2020-01-01")
    assert day.json()["entries"] == []


def test_the_page_asks_the_database_as_often_for_many_as_for_few(
    tmp_path, client, django_assert_max_num_queries
):
    few = a_phase_with(tmp_path, cases=12)
    many = a_crowded_phase(
        tmp_path, cases=12, qualities=[at / 10 for at in range(20)], slug="many",
        evaluation=EVALUATION,
    )  # fmt: skip
    refresh(phase=many)
    draw_all()
    for phase in (few, many):
        client.get(page_of(phase))
        with django_assert_max_num_queries(16):
            client.get(page_of(phase))


def test_a_drawing_that_is_rolled_back_is_asked_for_again(phase):
    with transaction.atomic():
        draw_next(worker="h:1")
        transaction.set_rollback(True)
    assert not Figure.objects.exists()
    draw_all()
    assert Drawing.objects.get().state == "drawn"

"""Where tests rank, resamples are of the first entries alone, and whatever tells a range says so."""

import pytest
from django.test import Client

from leaderboards.evidence.badge import badge
from leaderboards.evidence.result import result_of
from leaderboards.evidence.statement import statement_of
from leaderboards.selectors import table_of
from leaderboards.services import refresh
from leaderboards.tables import Row, Table
from tests.crowds import a_crowded_phase
from tests.factories import a_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("scheme", "among"), [("test_then_rank", 2), ("rank_then_aggregate", 4)])
def test_a_range_among_the_first_is_on_no_badge_and_in_the_evidence_with_their_number(
    tmp_path, scheme, among
):
    phase = a_crowded_phase(
        tmp_path, cases=12, qualities=[2.0, 1.5, 0.5, 0.0],
        evaluation={"metrics": ["dice"], "ranking": {"scheme": scheme, "most_resampled": 2}},
    )  # fmt: skip
    snapshot = refresh(phase=phase)
    assert table_of(snapshot).among == among
    first = table_of(snapshot).rows[0]
    assert first.low is not None
    found = result_of(a_user("anyone"), first.submission)
    assert ("rank 1 of 4 (" in badge(found.placed)) is (among == 4)
    assert "rank 1 of 4" in badge(found.placed)
    standing = statement_of(found)["standing"]
    assert standing["rank_range_among"] == among
    last = result_of(a_user("anyone"), table_of(snapshot).rows[-1].submission)
    assert statement_of(last)["standing"]["rank_range_among"] is None
    page = Client().get(f"/results/{first.submission}/").content.decode()
    assert ("among the first 2" in page) is (among == 2)


def test_who_has_no_rank_stands_last():
    def row(name: str, rank: int | None, *, competes: bool = True) -> Row:
        return Row(
            submission=name, algorithm=name, version=1, owner="", is_baseline=False,
            competes=competes, sandboxed=True, rank=rank, mean_rank=rank, cases=1, failed=0,
            seconds_per_case=None, cells=(),
        )  # fmt: skip

    table = Table((), (row("c", None, competes=False), row("b", 2), row("a", 1),
                       row("d", 1, competes=False)))  # fmt: skip
    assert [one.submission for one in table.by_rank()] == ["d", "a", "b", "c"]

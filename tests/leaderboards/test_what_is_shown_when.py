"""A leaderboard that is frozen, anonymous, or hides scores tells no more, in no answer."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from challenges.definition import ChallengeDefinition
from challenges.models import Membership, Phase
from challenges.services.members import add_member
from challenges.services.publishing import NotReady
from leaderboards.figures.kinds import Kind
from leaderboards.models import Snapshot
from leaderboards.selectors import board
from leaderboards.services import refresh
from submissions.models import Submission
from tests.factories import a_challenge, a_phase, a_user
from tests.leaderboards.test_board import scored
from tests.leaderboards.test_who_competes import ruled

Dice = list[float | None]
ANNA: Dice = [0.7353, 0.6353, 0.5353]
BEN: Dice = [0.4474, 0.3474, 0.2474]
ROLES = ("visitor", "stranger", "anna", "organiser", "steward")
PUBLIC = ("visitor", "stranger")
LATER = (timezone.now() + timedelta(days=30)).isoformat()
EARLIER = (timezone.now() - timedelta(days=30)).isoformat()


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr("challenges.hints.current_app.send_task", lambda *_, **__: None)


@pytest.fixture
def phase(db, tmp_path) -> Phase:
    found = a_phase(a_challenge(tmp_path))
    scored(found, ANNA, title="Anna’s net", user=a_user("anna"))
    scored(found, BEN, title="Zen of Ben", user=a_user("ben"))
    steward = Membership.Role.STEWARD
    add_member(challenge=found.challenge, user=a_user("steward"), role=steward)
    refresh(phase=found)
    return found


def shown(phase: Phase, **leaderboard: object) -> Phase:
    found = ruled(phase, leaderboard=leaderboard)
    refresh(phase=found)
    return found


def client_of(role: str) -> Client:
    client = Client()
    if role != "visitor":
        client.force_login(a_user(role))
    return client


def addresses(phase: Phase) -> list[str]:
    page, api = "/challenges/small/open/leaderboard/", "/api/v1/challenges/small/phases/open/"
    ids = list(Submission.objects.order_by("pk").values_list("public_id", flat=True))
    case = phase.dataset.cases.get(name="case-1").public_id
    snapshots = list(Snapshot.objects.values_list("pk", flat=True))
    today = timezone.now().date().isoformat()
    groups = ["", "centre:centre-1", "centre:centre-2"]
    return [
        *(f"{page}?sort={sort}&order={order}" for sort in ("hd95", "dice") for order in "ad"),
        *(f"{page}?group={group}" for group in groups),
        f"{page}?as_of={today}",
        f"{page}states/",
        *(f"{page}subgroups/?by=centre&metric={metric}" for metric in ("dice", "hd95")),
        *(f"{page}entries/{one}/" for one in (*ids, "anonymous-A", "anonymous-B")),
        f"{page}uncertainty/",
        *(f"{page}uncertainty/{key}/{kind}.csv" for key in snapshots for kind in Kind),
        f"{page}compare/?entries={','.join(ids)}",
        f"{page}cases/{case}/?entries={','.join(ids)}",
        *(f"{page}take-away/{name}" for name in ("", "results.csv", "leaderboard.csv")),
        f"{page}report/",
        f"{api}leaderboard/leaderboard.csv",
        f"{api}leaderboard/results.csv",
        f"{api}leaderboard",
        f"{api}uncertainty",
        *(f"/submissions/{one}/" for one in ids),
        *(f"/api/v1/submissions/{one}{rest}" for one in ids
          for rest in ("", "/results", "/results.csv")),
        *(f"/api/v1/results/{one}" for one in ids),
        *(f"/results/{one}/{rest}" for one in ids
          for rest in ("", "evidence.json", "badge.svg")),
    ]  # fmt: skip


def told(phase: Phase, role: str) -> str:
    """Everything that any of these addresses answers."""
    client = client_of(role)
    answers = [client.get(address) for address in addresses(phase)]
    assert all(one.status_code in (200, 302, 401, 404, 422) for one in answers)
    texts = [
        b"".join(one) if one.streaming else one.content for one in answers if one.status_code == 200
    ]
    return b"\n".join(texts).decode()


HD95_OF_ANNA, DICE_OF_ANNA = ("9.36", "9.26", "9.46"), ("0.635", "0.735", "0.535")
NAMES_OF_BEN = ("Zen of Ben", "ben<", '"ben"')


def holds(text: str, figures: tuple[str, ...]) -> list[str]:
    """Times and hashes have such digits too, within longer numbers."""
    return [one for one in figures if re.search(rf"(?<![\w.:]){re.escape(one)}", text)]


def test_each_address_of_the_list_is_one(phase):
    """Or a figure would be looked for where nothing ever stands."""
    client = client_of("organiser")
    missing = [one for one in addresses(phase) if client.get(one).status_code == 404]
    kinds_not_made = [one for one in missing if "/uncertainty/" in one]
    assert len(kinds_not_made) < len(Kind)
    assert [one for one in missing if one not in kinds_not_made and "anonymous-" not in one] == []


def test_live_everyone_is_told_everything(phase):
    text = told(phase, "visitor")
    assert holds(text, HD95_OF_ANNA[:1] + DICE_OF_ANNA[:1]) == ["9.36", "0.635"]
    assert "Zen of Ben" in text


@pytest.mark.parametrize("role", ROLES)
class TestEachRole:
    def trusted(self, role: str) -> bool:
        return role in ("organiser", "steward")

    def test_a_hidden_metric_is_nowhere(self, phase, role):
        phase = shown(phase, hides=["hd95"])
        text = told(phase, role)
        found = holds(text, HD95_OF_ANNA)
        assert bool(found) is self.trusted(role), found
        assert "0.635" in text

    def test_without_scores_there_are_none(self, phase, role):
        phase = shown(phase, feedback="better")
        found = holds(told(phase, role), HD95_OF_ANNA + DICE_OF_ANNA)
        assert bool(found) is self.trusted(role), found

    def test_rounded_scores_have_two_digits(self, phase, role):
        phase = shown(phase, feedback="rounded")
        text = told(phase, role)
        exact = holds(text, ("0.635", "0.6353", "9.36", "0.735", "9.265"))
        assert bool(exact) is self.trusted(role), exact
        assert "0.64" in text or self.trusted(role)

    def test_the_anonymous_are_named_to_themselves_alone(self, phase, role):
        phase = shown(phase, shows="anonymous", until=LATER)
        text = told(phase, role)
        ids = dict(Submission.objects.values_list("version__algorithm__title", "public_id"))
        of_ben = holds(text, (*NAMES_OF_BEN, ids["Zen of Ben"]))
        assert bool(of_ben) is self.trusted(role), of_ben
        of_anna = "Anna’s net" in text or ids["Anna’s net"] in text
        assert of_anna is (self.trusted(role) or role == "anna")

    def test_frozen_before_anything_was_shown_it_shows_nothing(self, phase, role):
        phase = shown(phase, shows="frozen", until=LATER)
        text = told(phase, role)
        assert ("Zen of Ben" in text) is self.trusted(role)
        page = client_of(role).get("/challenges/small/open/leaderboard/").content.decode()
        assert ("This leaderboard opens on" in page) is not self.trusted(role)

    def test_frozen_it_shows_the_state_of_then(self, phase, role):
        Snapshot.objects.update(created_at=timezone.now() - timedelta(days=40))
        scored(phase, [0.8181] * 3, title="Late", user=a_user("carla"))
        phase = shown(phase, shows="frozen", since=EARLIER, until=LATER)
        text = told(phase, role)
        assert ("0.818" in text) is self.trusted(role)
        assert ("Late" in text) is self.trusted(role)
        assert "Zen of Ben" in text


@pytest.mark.parametrize("shows", ["frozen", "anonymous"])
def test_once_the_time_has_come_all_is_shown(phase, shows):
    phase = shown(phase, shows=shows, until=EARLIER)
    assert "Zen of Ben" in told(phase, "visitor")


def test_letters_follow_neither_names_nor_times_and_are_the_same_on_groups(phase):
    for number in range(8):
        scored(phase, [0.9 - number / 10] * 3, title=f"N{number}", user=a_user(f"d{number}"))
    phase = shown(phase, shows="anonymous", until=LATER)
    whole = board(a_user("stranger"), phase).table.rows
    letters = {row.algorithm for row in whole}
    assert letters == {f"Entry {letter}" for letter in "ABCDEFGHIJ"}
    assert [row.algorithm for row in whole] != sorted(letters)
    order = {row.algorithm: row.cells[0].mean for row in whole}
    part = board(a_user("stranger"), phase, group="centre:centre-1").table.rows
    by_part = {row.algorithm: row.cells[0].mean for row in part}
    assert by_part["Entry A"] == pytest.approx(order["Entry A"], abs=0.3)
    assert {row.algorithm for row in part} == letters


def test_no_link_of_an_anonymous_entry_leads_nowhere(phase):
    """Nor does its page speak of a version or an owner that it does not tell."""
    shown(phase, shows="anonymous", until=LATER)
    client = client_of("stranger")
    page = client.get("/challenges/small/open/leaderboard/entries/anonymous-A/").content.decode()
    assert "Entries are anonymous until" in page
    assert "version 0" not in page
    main = page.partition("<main")[2].partition("</main>")[0]
    for address in set(re.findall(r'href="(/[^"#]*)', main)):
        assert client.get(address).status_code == 200, address


def test_frozen_it_does_not_ask_for_the_first_entry(phase):
    shown(phase, shows="frozen", since=EARLIER, until=LATER)
    page = client_of("stranger").get("/challenges/small/open/leaderboard/").content.decode()
    assert "Nothing is shown yet" in page
    assert "Be the first" not in page
    report = client_of("stranger").get("/challenges/small/open/leaderboard/report/")
    assert "Nothing is on this leaderboard yet." not in report.content.decode()


def test_sorting_by_what_is_hidden_is_sorting_by_rank(phase):
    phase = shown(phase, hides=["hd95"])
    for order in ("asc", "desc"):
        assert board(a_user("stranger"), phase, sort="hd95", order=order).sort == "rank"


def test_of_their_own_people_learn_whether_it_is_better(phase):
    phase = shown(phase, feedback="better")
    anna = client_of("anna")
    better = scored(phase, [0.9] * 3, title="Better", user=a_user("anna"))
    worse = scored(phase, [0.1] * 3, title="Worse", user=a_user("anna"))
    first = Submission.objects.order_by("pk").first()
    for one, words in ((first, "first"), (better, "is better"), (worse, "is not better")):
        assert words in anna.get(f"/submissions/{one.public_id}/").content.decode()
        answer = anna.get(f"/api/v1/submissions/{one.public_id}").json()
        assert words in answer["verdict"]
        assert answer["scores_visible"] is False


def test_the_api_says_what_is_not_shown(phase):
    phase = shown(phase, hides=["hd95"], feedback="rounded")
    answer = Client().get("/api/v1/challenges/small/phases/open/leaderboard").json()
    assert len(answer["notes"]) == 2
    assert "hd95" not in json.dumps(answer["columns"])


@pytest.mark.parametrize(
    ("leaderboard", "words"),
    [
        ({"shows": "frozen"}, "needs the time from which on"),
        ({"shows": "anonymous"}, "needs the time from which on"),
        ({"until": LATER}, "not to live"),
        ({"shows": "anonymous", "since": EARLIER, "until": LATER}, "since belongs to frozen"),
        ({"shows": "frozen", "since": LATER, "until": EARLIER}, "until lies before since"),
        ({"hides": ["hd95", "hd95"]}, "named twice"),
        ({"hides": ["nsd"]}, "“nsd” is no metric"),
        ({"hides": ["hd95[node]"]}, "is no metric, or label of one"),
    ],
)
def test_what_cannot_be_is_refused(phase, leaderboard, words):
    with pytest.raises(NotReady, match=words):
        ruled(phase, leaderboard=leaderboard)


def test_a_phase_that_says_nothing_of_it_has_the_hash_that_it_had(phase):
    document = phase.challenge.protocols.get().document
    assert "leaderboard" not in document["phases"][0]
    same = {**document, "phases": [{**document["phases"][0], "leaderboard": {"shows": "live"}}]}
    one, other = (ChallengeDefinition.model_validate(each) for each in (document, same))
    assert one.protocol_hash() == other.protocol_hash()

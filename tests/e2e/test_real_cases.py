"""The whole way on 40 real cases: tarball, Docker, workers, scores, leaderboard in a browser."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.images import save_baseline
from tests.platforms import ENDS

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.broker, pytest.mark.data]

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "examples" / "challenges" / "soft-tissue-sarcoma" / "challenge.yaml"
CHALLENGE = "soft-tissue-sarcoma"
METRICS = "td.number:not(.place, .tier, .unranked)"  # the columns that are ranked, Dice first
ENTRIES = [
    # title, folder, build arguments, mean Dice
    ("SUV 2.5", "fixed_threshold", {"THRESHOLD": "2.5"}, 0.5925),
    ("SUV 3.0", "fixed_threshold", {"THRESHOLD": "3.0"}, 0.5479),
    ("SUV 4.0", "fixed_threshold", {"THRESHOLD": "4.0"}, 0.4451),
    ("41 % of the image", "percent_of_max", {"SCOPE": "image"}, 0.3320),
]


@pytest.fixture(scope="module")
def scored(platform, data_folder, tmp_path_factory):
    """Each threshold submitted by a person of its own, and scored."""
    command = ("import-challenge", str(data_folder / "sts_pet"), "--definition", str(DEFINITION))
    found = platform.run(*command, check=False)
    words = " ".join(found.stdout.split())
    assert found.returncode == 1
    assert "kept in a draft, which is not published yet: 1 problem(s)." in words
    assert "STS_019: auxiliary_place: ct_mask lies off the reference by 2 voxels (6.5 mm)" in words
    imported = platform.run(
        *command, "--accept", "ct_mask lies on the CT's grid, and nothing is scored against it."
    )
    assert "40 cases" in imported.stdout
    assert "STS_008/ct.nii.gz: not declared" in imported.stdout
    folder = tmp_path_factory.mktemp("images")
    submissions = {}
    for number, (title, program, arguments, _) in enumerate(ENTRIES):
        archive = save_baseline(program, folder / f"{number}.tar", **arguments)
        person = platform.person(f"developer-{number}")
        submissions[title] = (person, person.upload(CHALLENGE, title, archive))
    for person, submission in submissions.values():
        assert person.wait(submission, *ENDS, seconds=900) == "scored", platform.log()
    return submissions


def test_each_threshold_scores_its_known_mean_dice_on_the_leaderboard(platform, scored, tmp_path):
    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_page()
        page.goto(f"{platform.address}/challenges/{CHALLENGE}/open/leaderboard/?sort=dice")
        page.wait_for_function(
            f"document.querySelectorAll('#board tbody tr').length == {len(ENTRIES)}"
        )
        rows = page.locator("#board tbody tr")
        shown = {
            rows.nth(place).locator("th").inner_text().splitlines()[0]: (
                rows.nth(place).locator(METRICS).first.inner_text().split()[0]
            )
            for place in range(rows.count())
        }
        page.screenshot(path=os.environ.get("UPTAKE_SHOT", str(tmp_path / "board.png")))
    assert list(shown) == [title for title, *_ in ENTRIES], "sorted by Dice, best first"
    for title, _, _, dice in ENTRIES:
        assert float(shown[title]) == pytest.approx(dice, abs=0.0006)


def test_the_stored_means_are_exact(platform, scored):
    """The page shows three digits; the database holds all of them."""
    for title, _, _, dice in ENTRIES:
        values = [
            value
            for (value,) in platform.rows(
                "SELECT json_extract(r.metrics, '$.dice.tumour.value') FROM submissions_caseresult r"
                " JOIN submissions_run u ON u.id = r.run_id"
                " JOIN submissions_submission s ON s.id = u.submission_id WHERE s.public_id = ?",
                scored[title][1],
            )
        ]
        assert len(values) == 40
        assert sum(values) / 40 == pytest.approx(dice, abs=1e-4), title


def test_every_case_ran_once_in_the_sandbox(platform, scored):
    rows = platform.rows(
        "SELECT a.sandbox, count(*), min(a.seconds) > 0 FROM submissions_attempt a"
        " JOIN submissions_run u ON u.id = a.run_id"
        " JOIN submissions_submission s ON s.id = u.submission_id"
        " JOIN challenges_phase p ON p.id = s.phase_id"
        " JOIN challenges_challenge c ON c.id = p.challenge_id WHERE c.slug = ? GROUP BY 1",
        CHALLENGE,
    )
    assert rows == [("docker/runc", 160, 1)]


def test_the_page_of_the_challenge_cites_its_source(platform, scored):
    """So does the list of challenges, which shows a picture of a case."""
    for address in (f"/challenges/{CHALLENGE}/", "/"):
        page = platform.person("reader").client.get(address).text
        for doi in (
            "10.7937/K9/TCIA.2015.7GO2GSKS",
            "10.1088/0031-9155/60/14/5471",
            "10.1007/s10278-013-9622-7",
        ):
            assert doi in page


def test_the_developer_reads_the_score_of_each_case(scored):
    person, submission = scored["SUV 2.5"]
    page = person.client.get(f"/submissions/{submission}/").text
    assert page.count("STS_") >= 40
    assert "0.593" in page

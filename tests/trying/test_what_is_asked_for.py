"""Which challenge, phase, cases and image are tried, and what is said where that cannot be."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from challenges.definition import read_definition
from challenges.selectors import definition_of
from submissions.trying.cases import cases_in
from submissions.trying.challenge import address_of_definition, definition_from, phase_from
from submissions.trying.refused import TrialRefused
from tests.factories import a_challenge
from tests.images import EMPTY_MASK, save_program
from tests.scans import write_challenge


@pytest.fixture
def folder(tmp_path):
    return write_challenge(tmp_path / "c", slug="small", cases=3)


def phases(*more):
    limits = {"memory_gib": 0.25, "shm_gib": 0.0625, "tmp_gib": 0.0625, "cpus": 1}
    common = {"title": "Phase", "limits": limits}
    return [{**common, **one} for one in more]


@contextmanager
def answering(status, content):
    """A server of something else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/challenges/small/"
        server.shutdown()


@pytest.mark.django_db(transaction=True)
def test_a_platforms_page_gives_the_definition_that_is_in_force(live_server, tmp_path):
    challenge = a_challenge(tmp_path)
    for page in ("small/", "small", "small/open/leaderboard/"):
        found = definition_from(f"{live_server.url}/challenges/{page}")
        assert found == definition_of(challenge)
    with pytest.raises(TrialRefused, match="shows no such challenge"):
        definition_from(f"{live_server.url}/challenges/another/")


def test_a_file_and_the_folder_that_holds_it_give_the_same(folder):
    expected = read_definition(folder / "challenge.yaml")
    assert definition_from(str(folder)) == definition_from(str(folder / "challenge.yaml"))
    assert definition_from(str(folder)) == expected


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("https://a.org/challenges/x/", "https://a.org/api/v1/challenges/x/definition"),
        ("https://a.org/pet/challenges/x", "https://a.org/pet/api/v1/challenges/x/definition"),
        ("http://a:8000/challenges/x/open/?a=1#b", "http://a:8000/api/v1/challenges/x/definition"),
    ],
)
def test_where_a_platform_gives_it(page, address):
    assert address_of_definition(page) == address


@pytest.mark.parametrize("page", ["https://a.org/", "https://a.org/challenges/", "https:///x"])
def test_an_address_of_no_challenge_is_refused(page):
    with pytest.raises(TrialRefused, match="ends with /challenges/NAME/"):
        definition_from(page)


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (404, b"", "shows no such challenge"),
        (500, b"", "answers 500"),
        (200, b"<html>", "answers no JSON"),
        (200, b"[]", "without a definition"),
        (200, b'{"definition": {"format": 2}}', "format 2; this Uptake reads 1"),
        (200, b'{"definition": {"format": 1, "colour": "blue"}}', "colour"),
    ],
)
def test_an_answer_that_is_no_definition_is_said(status, content, words):
    with answering(status, content) as page, pytest.raises(TrialRefused, match=words):
        definition_from(page)


def test_no_answer_is_said():
    with pytest.raises(TrialRefused, match="gives no answer"):
        definition_from("http://127.0.0.1:9/challenges/small/")


def test_of_several_phases_one_has_to_be_named(tmp_path):
    both = phases({"slug": "one", "cases": "public"}, {"slug": "two", "cases": "public"})
    definition = definition_from(str(write_challenge(tmp_path / "c", slug="small", phases=both)))
    with pytest.raises(TrialRefused, match="one of one, two"):
        phase_from(definition)
    assert phase_from(definition, "two").slug == "two"
    with pytest.raises(TrialRefused, match="those that do: one, two"):
        phase_from(definition, "three")


def test_training_data_are_no_phase_to_be_tried_in(tmp_path):
    both = phases(
        {"slug": "training", "cases": "public", "kind": "training", "split": "training"},
        {"slug": "final", "cases": "hidden", "split": "test"},
    )
    definition = definition_from(str(write_challenge(tmp_path / "c", slug="small", phases=both)))
    assert phase_from(definition).slug == "final"


@pytest.mark.parametrize(
    ("splits", "expected", "words"),
    [
        (["test", "", "test"], ["case-1", "case-3"], "2 of 3 cases are of this phase"),
        (["training"] * 3, ["case-1", "case-2", "case-3"], "None of these 3 cases is of this"),
        (["test"] * 3, ["case-1", "case-2", "case-3"], ""),
    ],
)
def test_the_phases_own_cases_are_run_or_else_all(tmp_path, splits, expected, words):
    folder = write_challenge(
        tmp_path / "c", slug="small", phases=phases({"slug": "open", "cases": "hidden", "split": "test"})
    )  # fmt: skip
    rows = [f"case-{n},p{n},{split}" for n, split in enumerate(splits, start=1)]
    (folder / "cases.csv").write_text("\n".join(["case_id,patient_id,split", *rows, ""]))
    definition = definition_from(str(folder))
    chosen = cases_in(folder, definition, phase_from(definition), [], tmp_path)
    assert [case.name for case in chosen.cases] == expected
    assert words in chosen.notice
    assert bool(words) == bool(chosen.notice)


def test_only_the_named_cases_are_run(folder, tmp_path):
    definition = definition_from(str(folder))
    phase = phase_from(definition)
    chosen = cases_in(folder, definition, phase, ["case-3", "case-2"], tmp_path)
    assert [case.name for case in chosen.cases] == ["case-2", "case-3"]
    with pytest.raises(TrialRefused, match=r"no case x; there are: case-1, case-2, case-3"):
        cases_in(folder, definition, phase, ["x"], tmp_path)


@pytest.mark.docker
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-image:1"], "docker build -t no-such-image:1"),
        (["x", "--case", "case-9"], "There is no case case-9"),
        (["x", "--phase", "final"], "No phase “final” takes containers"),
        (["x", "--writable", "/etc"], "No run can write to /etc"),
        (["x", "--keep", "FOLDER"], "is not empty"),
        (["x", "--challenge", "FOLDER/none.yaml"], "not found"),
        (["x", "--cases", "FOLDER/cases.csv"], "is a file; unpack it"),
        (["x", "--cases", "FOLDER/case-1"], "cases.csv"),
    ],
)
def test_what_cannot_be_tried_ends_with_2_and_what_to_do(folder, trial, arguments, words):
    image, *more = (one.replace("FOLDER", str(folder)) for one in arguments)
    status, told, results = trial(image, *more, challenge=folder)
    assert (status, results) == (2, None)
    assert words in told


def test_without_an_engine_it_says_what_to_install(folder, trial, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    status, words, _ = trial("x", challenge=folder)
    assert status == 2
    assert "sudo apt-get install docker.io" in words


@pytest.mark.docker
def test_a_case_that_cannot_be_read_is_no_fault_of_the_algorithm(folder, tmp_path, trial):
    (folder / "case-2" / "pet.mha").write_bytes(b"MZ")
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar")
    status, words, _ = trial(archive, challenge=folder)
    assert status == 2
    assert "case-2/pet.mha" in words


@pytest.mark.docker
@pytest.mark.parametrize(
    ("content", "lines", "title"),
    [(b"not a tarball", (), "Not an image"), (None, ("VOLUME /etc",), "Volumes refused")],
)
def test_an_image_that_the_server_would_refuse_is_refused_with_its_words(
    folder, tmp_path, trial, content, lines, title
):
    archive = tmp_path / "image.tar"
    if content is None:
        save_program(EMPTY_MASK, archive, *lines)
    else:
        archive.write_bytes(content)
    status, words, results = trial(archive, challenge=folder)
    assert (status, results) == (1, None)
    assert f"{title}  (stage: image check)" in words


@pytest.mark.docker
def test_a_phase_that_requires_gvisor_is_told_of_where_it_is_not_used(tmp_path, trial):
    limits = {"memory_gib": 0.25, "shm_gib": 0.0625, "tmp_gib": 0.0625, "cpus": 64}
    phase = {
        "slug": "open",
        "cases": "public",
        "title": "Open",
        "limits": limits | {"sandbox": "gvisor"},
    }
    folder = write_challenge(tmp_path / "c", slug="small", cases=1, phases=[phase])
    archive = save_program(EMPTY_MASK, tmp_path / "image.tar")
    status, words, results = trial(archive, challenge=folder)
    assert status == 0
    assert "requires gVisor; this trial runs without it" in words
    assert "A run may use 64 CPUs; this machine has" in words
    assert "held  runc: network" in words
    assert results["runtime"] == "runc"
    status, words, results = trial(archive, challenge=folder, runtime="auto")
    assert results["cases"][0]["sandbox"] == "docker/runsc"
    assert "without it" not in words


@pytest.mark.docker
def test_what_is_kept_is_the_scored_mask_the_log_and_what_was_refused(folder, tmp_path, trial):
    # Only the second case's sum is below 1198.
    program = EMPTY_MASK.replace(
        "voxels), 1)", "(7 if number else 0 for number in [small] * voxels)), 1)"
    )
    sums = "import array\ncontent = zlib.decompress(pet.read_bytes().split(b'LOCAL\\n', 1)[1])\n"
    sums += "small = sum(array.array('f', content)) < 1198\nprint('small', small)\n"
    archive = save_program(program.replace("pixels =", f"{sums}pixels ="), tmp_path / "image.tar")
    kept = tmp_path / "kept"
    status, words, results = trial(archive, "--keep", kept, challenge=folder)
    assert status == 1
    assert [one["code"] for one in results["cases"]] == ["", "wrong_values", ""], words
    found = sorted(str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file())
    assert found == [
        "case-1/log.txt", "case-1/mask.mha", "case-2/log.txt", "case-2/refused-mask",
        "case-3/log.txt", "case-3/mask.mha", "results.json",
    ]  # fmt: skip
    assert (kept / "case-2" / "log.txt").read_text() == "small True\n"
    assert json.loads((kept / "results.json").read_text()) == results
    assert "small True" in words  # the end of its log, where it failed

"""``challenge.yaml``: strict, every error at once, each with its line and a hint."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from challenges.definition import ChallengeDefinition, read_definition
from evaluation.documents import DocumentRefused

ROOT = Path(__file__).resolve().parents[2]
SMALLEST = """\
format: 1
slug: small
title: Small
summary: A challenge of a test.
question: Does it work?
phases:
  - {slug: open, title: Open phase, cases: public}
"""  # 7 lines: what a test adds begins at line 8


def read(folder: Path, text: str | bytes) -> ChallengeDefinition:
    path = folder / "challenge.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_definition(path)


def refused(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(DocumentRefused) as error:
        read(folder, text)
    return [str(problem) for problem in error.value.problems]


def test_the_smallest_definition_gets_the_defaults(tmp_path: Path) -> None:
    definition = read(tmp_path, SMALLEST)
    assert definition.modalities == ["PET"]
    assert [reader.file for reader in definition.readers] == ["reference"]
    assert [one.id for one in definition.evaluation.ranked] == [
        "dice",
        "nsd",
        "lesion_f1",
        "mtv_abs_error_ml",
    ]
    assert definition.phases[0].opens is None


@pytest.mark.parametrize("name", ["demo", "soft-tissue-sarcoma"])
def test_the_examples_are_valid(name: str) -> None:
    read_definition(ROOT / "examples" / "challenges" / name / "challenge.yaml")


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    text = SMALLEST + "ruels: none\nevaluation:\n  rankng: {}\n"
    assert refused(tmp_path, text) == [
        "challenge.yaml, line 8: unknown key “ruels”; did you mean “rules”?",
        "challenge.yaml, line 10: unknown key “evaluation.rankng”; did you mean “ranking”?",
    ]


def test_a_missing_key_is_told(tmp_path: Path) -> None:
    text = SMALLEST.replace("title: Small\n", "").replace(", cases: public", "")
    assert refused(tmp_path, text) == [
        "challenge.yaml, line 1: “title” is missing",
        "challenge.yaml, line 6: “phases.0.cases” is missing",
    ]


def test_a_key_twice_is_told_beside_everything_else(tmp_path: Path) -> None:
    """YAML's own rule, that the last one holds, would settle silently what people differ about."""
    text = SMALLEST + "title: Other\nruels: none\n"
    assert refused(tmp_path, text) == [
        "challenge.yaml, line 8: the key “title” stands twice",
        "challenge.yaml, line 9: unknown key “ruels”; did you mean “rules”?",
    ]


def test_all_errors_come_at_once_from_everywhere(tmp_path: Path) -> None:
    text = (
        SMALLEST
        + "modalities: [CT]\n"
        + "readers: [{name: A, file: a}, {name: A, file: b}]\n"
        + "evaluation:\n  metrics: [dicee]\n  labels: {lesion: 300}\n"
        + "picture_suv_max: -1\n"
        + "unknwon: 1\n"
    )
    lines = [
        problem.split(":")[0].removeprefix("challenge.yaml, ")
        for problem in refused(tmp_path, text)
    ]
    assert lines == ["line 8", "line 9", "line 11", "line 12", "line 13", "line 14"]


def test_a_wrong_metric_is_told_with_the_nearest(tmp_path: Path) -> None:
    found = refused(tmp_path, SMALLEST + "evaluation: {metrics: [dice, hd59]}\n")
    assert found == [
        "challenge.yaml, line 8: “evaluation.metrics”: unknown metric “hd59” "
        "(did you mean hd95 or hd?)"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c\n", "line 1: not valid YAML"),
        ("a: [1\nb: 2\n", "line 2: not valid YAML"),
        ("\ta: 1\n", "line 1: not valid YAML"),
        ("", "a mapping of keys to values is expected"),
        ("- a\n", "a mapping of keys to values is expected"),
        (SMALLEST + "---\na: 1\n", "line 8: not valid YAML"),
        (SMALLEST + "x: !!python/object/apply:os.getcwd []\n", "line 8: not valid YAML"),
        (SMALLEST + "? [a]\n: 1\n", "line 8: not valid YAML"),
        (SMALLEST + "x: " + "[" * 900 + "]" * 900, "nested too deeply"),
        (SMALLEST + "rules: 2027-02-30\n", "line 8: “2027-02-30” cannot be read"),
        (SMALLEST + f"picture_suv_max: {'9' * 5000}\n", "line 8"),
        (SMALLEST + 'rules: "a\\0b"\n', "line 8: holds a control character"),
        (SMALLEST + "1: x\n", "line 8"),
        (b"\xff\xfea\x00", "not UTF-8 text"),
        ("slug: caf\xe9\n".encode("latin-1"), "not UTF-8 text"),
        (b"a: \x00\n", "not valid YAML"),
        ("a: b\n" + "#" * 2_000_000, "is larger than 1,048,576 bytes"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value)[-20:].strip(),
)  # fmt: skip
def test_what_is_no_plain_yaml_is_refused_in_words(
    text: str | bytes, expected: str, tmp_path: Path
) -> None:
    found = refused(tmp_path, text)
    assert len(found) == 1
    assert expected in found[0]


def test_aliases_are_refused_before_they_are_followed(tmp_path: Path) -> None:
    """A billion laughs: each line stands for ten of the line above, and the file for gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    found = refused(tmp_path, SMALLEST + "\n".join(lines) + "\n")
    assert found[0] == "challenge.yaml, line 9: the alias “*a0” is not read; write the value out"
    assert refused(tmp_path, SMALLEST + "rules: &a [*a]\n")


def test_a_file_of_windows_is_read_as_any_other(tmp_path: Path) -> None:
    expected = read(tmp_path, SMALLEST).protocol_hash()
    assert read(tmp_path, SMALLEST.replace("\n", "\r\n")).protocol_hash() == expected
    assert read(tmp_path, b"\xef\xbb\xbf" + SMALLEST.encode()).protocol_hash() == expected


def test_a_folder_and_nothing_in_place_of_the_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused, match="not found in"):
        read_definition(tmp_path / "challenge.yaml")
    (tmp_path / "challenge.yaml").mkdir()
    with pytest.raises(DocumentRefused, match="cannot be read: Is a directory"):
        read_definition(tmp_path / "challenge.yaml")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(DocumentRefused, match="cannot be read: Permission denied"):
        read_definition(tmp_path / "challenge.yaml")


def with_phase(keys: str) -> str:
    return SMALLEST.replace("cases: public", f"cases: public, {keys}")


def test_times_are_utc_whatever_zone_they_were_written_in(tmp_path: Path) -> None:
    definition = read(tmp_path, with_phase("closes: 2027-02-01T00:59:00+01:00"))
    assert definition.phases[0].closes == datetime(2027, 1, 31, 23, 59, tzinfo=UTC)
    same = read(tmp_path, with_phase("closes: 2027-01-31T23:59:00Z"))
    assert same.protocol_hash() == definition.protocol_hash()


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2027-01-31T23:59:00", "a time needs its zone"),
        ("2027-01-31", "a time needs its zone"),
        ("1800000000", "a date and time is expected"),
        ('"1800000000"', "a date and time is expected"),
        ("true", "a date and time is expected"),
        ("never", "a date and time is expected"),
        ("2027-02-30T00:00:00Z", "cannot be read: day is out of range"),
        ("0001-01-01T00:00:00+05:00", "outside the calendar"),
    ],
)
def test_a_deadline_that_could_be_read_in_two_ways_is_refused(
    time: str, words: str, tmp_path: Path
) -> None:
    found = refused(tmp_path, with_phase(f"closes: {time}"))
    assert len(found) == 1
    assert found[0].startswith("challenge.yaml, line 7")
    assert words in found[0]


def test_a_phase_opens_before_it_closes(tmp_path: Path) -> None:
    keys = "opens: 2027-02-01T00:00:00Z, closes: 2027-01-01T00:00:00Z"
    assert "closes before it opens" in refused(tmp_path, with_phase(keys))[0]


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf"])
def test_numbers_are_finite(number: str, tmp_path: Path) -> None:
    text = SMALLEST + f"evaluation: {{failure_volume_ml: {number}}}\npicture_suv_max: {number}\n"
    assert len(refused(tmp_path, text)) == 2


@pytest.mark.parametrize(
    ("names", "consensus", "words"),
    [
        ("A", "majority", "mask of one reader"),
        ("AB", "majority", "mean of the scores against each of two readers"),
        ("ABC", "majority", "strict majority of 3 readers"),
        ("ABCD", "staple", "STAPLE of 4 readers"),
    ],
)
def test_what_is_scored_against_is_said_in_words(
    names: str, consensus: str, words: str, tmp_path: Path
) -> None:
    readers = ", ".join(f"{{name: {name}, file: {name}}}" for name in names)
    text = SMALLEST + f"readers: [{readers}]\nconsensus: {consensus}\n"
    assert read(tmp_path, text).reference_words == words


def test_a_consensus_is_one_of_those_that_are_known(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, SMALLEST + "consensus: average\n")
    assert "majority" in found
    assert "staple" in found


def test_a_readers_file_is_not_an_image_and_not_a_path(tmp_path: Path) -> None:
    text = SMALLEST + "readers: [{name: A, file: %s}]\n"
    assert "is the name of an image" in refused(tmp_path, text % "pet")[0]
    for path in ("../reference", "/etc/passwd", "a/b", "''", "a.nii"):
        assert "line 8" in refused(tmp_path, text % path)[0]


def test_phases_have_different_slugs(tmp_path: Path) -> None:
    text = SMALLEST + "  - {slug: open, title: Again, cases: hidden}\n"
    assert "two have the slug “open”" in refused(tmp_path, text)[0]


@pytest.mark.parametrize("split", ["", ", split: test"])
def test_a_hidden_phase_shares_no_case_with_a_public_one(tmp_path: Path, split: str) -> None:
    text = SMALLEST + f"  - {{slug: final, title: Final, cases: hidden{split}}}\n"
    assert "“open” would show cases of the hidden phase “final”" in refused(tmp_path, text)[0]


def test_with_splits_of_their_own_they_stand_side_by_side(tmp_path: Path) -> None:
    text = SMALLEST.replace("cases: public}", "cases: public, split: training}")
    text += "  - {slug: final, title: Final, cases: hidden, split: test}\n"
    assert [phase.split for phase in read(tmp_path, text).phases] == ["training", "test"]


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("kind: training, cases: hidden", "training data are given away"),
        ("cases: hidden, download: true", "hidden cases cannot be downloaded"),
    ],
)
def test_hidden_cases_are_never_given_away(tmp_path: Path, phase: str, told: str) -> None:
    text = SMALLEST.replace("cases: public", phase)
    assert told in refused(tmp_path, text)[0]


@pytest.mark.parametrize("slug", ["../x", "A", "a", "-ab", "ab-", "a b", "a/b", "x" * 61])
def test_a_slug_is_fit_for_an_address(slug: str, tmp_path: Path) -> None:
    assert "slug" in refused(tmp_path, SMALLEST.replace("slug: small", f"slug: '{slug}'"))[0]


def test_the_protocol_hash_covers_texts_and_dates_and_nothing_of_the_layout(
    tmp_path: Path,
) -> None:
    first = read(tmp_path, SMALLEST).protocol_hash()
    assert (
        read(tmp_path, "# a comment\n" + SMALLEST + "modalities: [PET]\n").protocol_hash() == first
    )
    for changed in (
        SMALLEST.replace("Does it work?", "Does it work well?"),
        SMALLEST + "rules: None.\n",
        with_phase("closes: 2027-01-31T23:59:00Z"),
        SMALLEST + "evaluation: {metrics: [dice]}\n",
    ):
        assert read(tmp_path, changed).protocol_hash() != first


def test_a_stored_definition_comes_back_equal(tmp_path: Path) -> None:
    definition = read(tmp_path, with_phase("closes: 2027-01-31T23:59:00Z"))
    stored = definition.model_dump(mode="json")
    again = ChallengeDefinition.model_validate(stored)
    assert again == definition
    assert again.protocol_hash() == definition.protocol_hash()

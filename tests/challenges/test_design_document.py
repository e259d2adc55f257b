"""The design document: everything BIAS asks for, told to each reader as far as they may know it."""

import copy
import json
import re
from dataclasses import replace
from datetime import date

import pytest
import typst
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from challenges.designing import design_document, pdf
from challenges.designing.document import Document, Paragraph, Section, Table
from challenges.designing.words import shares, spread
from challenges.models import Finding, Membership, Rehearsal
from challenges.rehearsal.report import Detectable, MetricHead, Report, Similar, Stability
from challenges.selectors.rehearsing import specification_hash
from challenges.services import access
from challenges.services.importing import begin_challenge, import_challenge
from challenges.services.members import add_member
from challenges.services.publishing import publish
from tests.designs import DESIGN
from tests.factories import a_user
from tests.scans import write_challenge

HOSTILE = (
    '#import "/etc/passwd": x #panic("read as markup") $x$ *bold* ] } `raw` \\ @label <tag> '
    "https://example.org //comment /* open"
)


def seen_by(name, challenge):
    return design_document(a_user(name) if name else AnonymousUser(), challenge)


def every_section(document):
    for section in document.sections:
        yield section
        yield from section.parts


def section_of(document, name):
    return next(one for one in every_section(document) if one.id == name)


def terms(document):
    """Each term and what is said of it."""
    return {
        entry.term: "\n".join(entry.paragraphs)
        for section in every_section(document)
        for block in section.blocks
        if block.kind == "definitions"
        for entry in block.entries
    }


def table_of(document, name, number=0):
    tables = [one for one in section_of(document, name).blocks if isinstance(one, Table)]
    return tables[number]


def row_of(table, title):
    return next(row[1:] for row in table.rows if row[0] == title)


def text_of(document):
    return json.dumps(document.to_json(), ensure_ascii=False)


@pytest.fixture
def split(db, tmp_path):
    """Two cases given away, and six hidden; one more of the hidden ones is excluded. A draft."""
    folder = write_challenge(
        tmp_path / "split",
        slug="split",
        cases=9,
        phases=[
            {
                "slug": "training",
                "title": "Training",
                "kind": "training",
                "cases": "public",
                "split": "train",
            },
            {
                "slug": "final",
                "title": "Final test",
                "kind": "final",
                "cases": "hidden",
                "split": "test",
            },
        ],
    )
    challenge, _ = import_challenge(folder=folder, organiser=a_user("organiser"), draft=True)
    cases = list(challenge.dataset.cases.order_by("position"))
    for number, case in enumerate(cases):
        case.split = "train" if number < 2 else "test"
        if number == 8:
            case.excluded_at = timezone.now()
            case.excluded_because = "case-9 of patient-9 moved, as did case-3"
        case.save()
    return challenge


# What BIAS asks for


def test_every_item_of_the_structured_description_has_its_place(draft):
    document = seen_by("organiser", draft)
    told = terms(document)
    for term in (
        "Title", "Abstract", "Keywords", "Organisers", "Life cycle", "Venue and platform",
        "Interaction", "Organisers' institutes", "Training data", "Awards", "Announcement of results",
        "Publication", "How to submit", "Evaluation before submission", "Ethics approval",
        "Terms of data use", "Code", "Conflicts of interest", "Funding", "Contact",
        "Application", "Target cohort", "Challenge cohort", "Images of a case", "Further inputs",
        "Target of the algorithms", "Aims of the assessment", "In plain language",
        "Source", "Licence of the data", "Acquisition", "What a case is", "Number of cases",
        "Further characteristics", "Method", "Instructions to the readers",
        "Experience of the readers", "What is scored against", "How", "Pre-processing",
        "Sources of error", "Why these metrics", "Why this ranking", "Missing values",
        "Subgroups", "Further analyses", "Access to hidden data outside the platform",
    ):  # fmt: skip
        assert term in told, term
    ids = [one.id for one in every_section(document)]
    for name in ("cohort", "checks", "excluded", "conversion", "metrics", "rules", "statistics",
                 "phases", "agreement", "access-log", "downloads", "history"):  # fmt: skip
        assert name in ids, name
    assert len(ids) == len(set(ids))


def test_every_text_that_a_person_can_write_stands_in_it(db):
    from challenges.definition import Design
    from challenges.definition.design import items

    document = {
        "format": 1, "slug": "full", "title": "Full", "summary": "S.", "question": "Q?",
        "phases": [{"slug": "open", "title": "Open", "cases": "public"}],
    }  # fmt: skip
    design = copy.deepcopy(DESIGN)
    written = []
    for key, field, _ in items(Design()):
        if field.annotation is str:
            part, _, name = key.rpartition(".")
            (design[part] if part else design)[name] = f"What was written of {key}."
            written.append(design[part][name] if part else design[name])
    challenge = begin_challenge(
        document=document | {"design": design}, organiser=a_user("organiser")
    )
    shown = text_of(seen_by("organiser", challenge))
    assert len(written) > 20
    assert [one for one in written if one not in shown] == []


def test_each_metric_stands_with_its_definition_unit_and_part_in_the_rank(draft):
    rows = {row[0]: row[1:] for row in table_of(seen_by("organiser", draft), "metrics").rows}
    assert rows["Dice"][0].startswith("Twice the volume common to both masks")
    assert rows["Dice"][1:] == ("higher is better", "none", "counts")
    assert rows["MTV error, ml"][-1] == "shown only"


def test_rules_of_missing_results_are_those_in_force(draft):
    rows = table_of(seen_by("organiser", draft), "rules").rows
    distances = next(row for row in rows if row[0].startswith("Distances"))
    assert distances[-1] == "the image’s diagonal"


# Numbers


def test_medians_and_quartiles_are_as_by_hand():
    assert spread([4.0, 1.0, 3.0, 2.0]) == "2.50 (1.75–3.25)"
    assert spread([1234.4, 1234.4]) == "1\u202f234 (1\u202f234–1\u202f234)"
    assert spread([7.0]) == "7"
    assert spread([]) == "not stated"


def test_shares_are_counted_most_frequent_first_and_the_unknown_last():
    assert shares(["B", "A", "B", ""]) == "B (2); A (1); not stated (1)"
    assert shares(["", ""]) == "not stated"
    assert shares(map(str, range(10))).endswith("2 others (2)")


def test_the_cohort_is_counted_as_by_hand(draft):
    """Each case holds one block of 3 × 4 × 4 voxels of 80 mm³: 3.84 ml."""
    document = seen_by("organiser", draft)
    cases = table_of(document, "cohort")
    assert row_of(cases, "Cases") == ("3",)
    assert row_of(cases, "Patients") == ("3",)
    assert row_of(cases, "Cases without lesions") == ("0",)
    assert row_of(cases, "Lesions in all") == ("3",)
    assert row_of(cases, "Lesion volume of such a case, ml") == ("3.84 (3.84–3.84)",)
    assert row_of(cases, "SUVmax in the reference") == ("6 (6–6)",)
    origin = table_of(document, "cohort", 1)
    assert row_of(origin, "Centre") == ("centre-1 (2); centre-2 (1)",)
    assert row_of(origin, "Voxel size, mm") == ("4 × 4 × 5 (3)",)
    assert row_of(origin, "Sex") == ("not stated",)


def test_the_cohort_is_told_by_split_and_in_all(split):
    cases = table_of(seen_by("organiser", split), "cohort")
    assert [one.title for one in cases.columns] == ["", "train", "test", "All"]
    assert row_of(cases, "Cases") == ("2", "6", "8")
    assert row_of(cases, "Phases") == ("Training", "Final test", "")
    assert row_of(cases, "Shown to participants") == ("yes", "no", "")


# Who is told what


def test_nothing_of_a_hidden_case_reaches_who_may_not_see_it(split):
    add_member(challenge=split, user=a_user("reviewer"), role=Membership.Role.REVIEWER)
    case = split.dataset.cases.get(name="case-5")
    Finding.objects.create(
        case=case, check_id="contrast", severity="warning", text="cold: case-5",
        state=Finding.State.ACCEPTED, reason="patient-5 fasted; see case-4",
    )  # fmt: skip
    Finding.objects.create(
        case=case, check_id="duplicate", severity="blocking", text="equals case-6"
    )
    access.record(viewer=a_user("organiser"), case=case, what="picture")
    document = seen_by("reviewer", split)
    for number in range(3, 10):
        assert not re.search(rf"(case|patient)-{number}\b", text_of(document)), number
    assert "[hidden case] fasted; see [hidden case]" in text_of(document)
    excluded = table_of(document, "excluded")
    assert excluded.rows == (("1", "[hidden case] of [hidden case] moved, as did [hidden case]"),)
    open_ones = " ".join(document.open_problems)
    assert "equals [hidden case]" in open_ones


def test_who_may_see_hidden_data_reads_the_names(split):
    document = seen_by("organiser", split)
    assert table_of(document, "excluded").rows[0][0] == "case-9"
    assert "as did case-3" in text_of(document)


def test_of_few_hidden_cases_their_number_alone_is_told(split):
    split.dataset.cases.filter(name__in=["case-6", "case-7", "case-8"]).update(split="train")
    add_member(challenge=split, user=a_user("reviewer"), role=Membership.Role.REVIEWER)
    cases = table_of(seen_by("reviewer", split), "cohort")
    assert [one.title for one in cases.columns] == ["", "train", "test"]
    assert row_of(cases, "Cases") == ("5", "3")
    assert row_of(cases, "Lesions in all") == ("5", "withheld")
    told = table_of(seen_by("organiser", split), "cohort")
    assert row_of(told, "Lesions in all") == ("5", "3", "8")


def test_a_draft_has_no_document_for_others(draft):
    for client in (Client(), Client()):
        for name in ("design/", "design.pdf"):
            assert client.get(f"/challenges/{draft.slug}/{name}").status_code == 404
        client.force_login(a_user("stranger"))
    with pytest.raises(PermissionError):
        seen_by("stranger", draft)


def test_looks_at_hidden_data_stand_in_the_log_with_role_days_and_number(split):
    add_member(challenge=split, user=a_user("steward"), role=Membership.Role.STEWARD)
    case = split.dataset.cases.get(name="case-5")
    for _ in range(3):
        access.record(viewer=a_user("steward"), case=case, what="picture")
    rows = {row[0]: row[1:] for row in table_of(seen_by("organiser", split), "access-log").rows}
    today = timezone.now().date().isoformat()
    assert rows["steward"] == ("steward", "pictures", today, today, "1", "3")
    assert rows["organiser"][1] == "nothing"


def test_downloads_are_counted(split):
    publish(challenge=split, by=a_user("organiser"))
    phase = split.phases.get(slug="training")
    for person in ("ann", "ann", "bob"):
        access.record_download(phase=phase, user=a_user(person))
    assert table_of(seen_by("", split), "downloads").rows[0][:3] == ("Training", "3", "2")


# What is missing


def test_what_is_missing_is_marked_and_listed_with_the_required_first(db):
    design = copy.deepcopy(DESIGN)
    del design["contact"], design["ethics"]["approval"]
    document = {
        "format": 1, "slug": "bare", "title": "Bare", "summary": "S.", "question": "Q?",
        "phases": [{"slug": "open", "title": "Open", "cases": "public"}], "design": design,
    }  # fmt: skip
    challenge = begin_challenge(document=document, organiser=a_user("organiser"))
    missing = seen_by("organiser", challenge).missing
    required = [one.key for one in missing if one.required]
    assert required == ["design.contact", "source", "cases", "design.ethics.approval"]
    assert [one.required for one in missing] == sorted(
        (one.required for one in missing), reverse=True
    )
    optional = {one.key for one in missing if not one.required}
    assert {"design.ethics.funding", "rehearsal", "design.purpose.novelty"} <= optional


def test_required_texts_here_are_those_that_block_publication(db):
    """Neither list forgets what the other knows."""
    from challenges.definition import Design

    document = {
        "format": 1, "slug": "bare", "title": "Bare", "summary": "S.", "question": "Q?",
        "phases": [{"slug": "open", "title": "Open", "cases": "public"}],
    }  # fmt: skip
    challenge = begin_challenge(document=document, organiser=a_user("organiser"))
    marked = {one.key for one in seen_by("organiser", challenge).missing if one.required}
    assert marked == {f"design.{key}" for key, _ in Design().missing()} | {"source", "cases"}


def test_a_draft_with_errors_is_told_as_far_as_it_can_be_read(empty):
    empty.draft = empty.draft | {
        "evaluation": {"metrics": ["dyce"]},
        "phases": [],
        "design": DESIGN | {"contact": 7},
    }
    empty.save()
    document = seen_by("organiser", empty)
    assert "Adults at staging." in text_of(document)
    assert {"evaluation", "phases", "design.contact"} <= {one.key for one in document.missing}
    assert "Twice the volume" not in text_of(document), "default metrics told as if chosen"
    assert any("dyce" in one for one in document.open_problems)


def a_report(**changes):
    head = MetricHead("dice", "Dice", "", 3, higher=True, ranked=True, cohort=False)
    report = Report(
        cases=3, patients=3, seed=5, repeats=100, failed=1, reader_dice=None, levels=(),
        metrics=(head,), rows=(), separation=(), stability=Stability("x", 1.0, None),
        similar=Similar(8, 5.5, 0.25), failure_costs=(),
        detectable=(Detectable("dice", 3, 0.043),), warnings=("Few patients.",),
    )  # fmt: skip
    return replace(report, **changes)


def test_a_current_rehearsal_tells_the_smallest_difference_and_the_rank_range(draft):
    row = Rehearsal.objects.create(
        challenge=draft, seed=5, state="done", document=a_report().to_json(),
        specification_hash=specification_hash(draft),
    )  # fmt: skip
    document = seen_by("organiser", draft)
    assert table_of(document, "statistics").rows == (("Dice", "0.043", "3"),)
    assert "5.5 ranks wide" in terms(document)["Rank range to expect"]
    row.specification_hash = "0" * 64
    row.save()
    outdated = seen_by("organiser", draft)
    assert "rehearsal" in {one.key for one in outdated.missing}
    assert "0.043" not in text_of(outdated)


# After publication


def test_the_published_document_says_version_hash_and_date_and_is_there_for_everyone(draft):
    publish(challenge=draft, by=a_user("organiser"))
    protocol = draft.protocols.get()
    page = Client().get(f"/challenges/{draft.slug}/design/").content.decode()
    for told in ("Version 1", protocol.protocol_hash, f"{protocol.frozen_at:%Y-%m-%d}"):
        assert told in page
    assert "What is missing" not in page


def test_an_amendment_that_is_being_written_is_not_told_before_its_time(draft):
    publish(challenge=draft, by=a_user("organiser"))
    draft.draft = draft.protocols.get().document | {"question": "Something else?"}
    draft.save()
    assert "Something else?" not in text_of(seen_by("organiser", draft))


def test_the_page_marks_what_is_missing_and_leads_to_where_it_is_written(organiser, empty):
    page = organiser.get("/challenges/empty/design/").content.decode()
    assert "To be written, required" in page
    assert 'href="/organise/empty/data/"' in page
    assert 'href="/organise/empty/describe/purpose/"' in page


def test_the_page_shows_what_people_wrote_as_text(organiser, empty):
    empty.draft = empty.draft | {"question": "<script>alert(1)</script>"}
    empty.save()
    assert b"<script>alert(1)" not in organiser.get("/challenges/empty/design/").content


# On paper


def a_document(text="Text.", **changes):
    sections = (Section("one", "One", (Paragraph(text),)),)
    made = Document(
        "A title",
        "A summary.",
        "Version 1",
        "a" * 64,
        date(2027, 1, 31),
        ("A. Organiser",),
        sections,
    )
    return replace(made, **changes)


def on_paper(document, selector):
    """What the template makes of a document, without a PDF around it."""
    inputs = {"document": json.dumps(document.to_json()), "unset": ""}
    return json.loads(typst.query(str(pdf.TEMPLATE), selector, sys_inputs=inputs))


def pages(content):
    return len(re.findall(rb"/Type\s*/Page\b", content))


def test_the_pdf_holds_title_sections_and_pages(organiser, draft):
    answer = organiser.get(f"/challenges/{draft.slug}/design.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert pages(answer.content) > 3
    assert b"Challenge draft" in answer.content
    document = seen_by("organiser", draft)
    headings = [one["body"] for one in on_paper(document, "heading.where(level: 1)")]
    assert [one.get("text") for one in headings] == [
        "Contents", *(one.title for one in document.sections), "What is missing",
    ]  # fmt: skip


def test_the_same_document_gives_the_same_bytes(draft):
    publish(challenge=draft, by=None)
    document = seen_by("", draft)
    first = pdf.typeset(document)
    pdf._run.cache_clear()
    assert pdf.typeset(document) == first


def test_the_pdf_is_tagged_for_readers_of_screens():
    content = pdf.typeset(a_document("Größe µ ≥ α–ω 10⁻³ ²"))
    assert b"/StructTreeRoot" in content
    assert b"pdfuaid" in content


def test_what_people_write_is_never_read_as_markup():
    document = a_document(HOSTILE, title=HOSTILE, organisers=(HOSTILE,))
    assert pdf.typeset(document).startswith(b"%PDF-")
    ((title,)) = on_paper(document, "title")
    assert HOSTILE in json.dumps(title, ensure_ascii=False).replace('\\"', '"').replace(
        "\\\\", "\\"
    )


@pytest.mark.parametrize(
    "text", ["中文 日本語", "\U0001f9ea", "ሰላም", "\u0000\u0007", "‮right to left"]
)
def test_characters_without_a_glyph_do_not_keep_the_pdf_from_being_set(text):
    assert pdf.typeset(a_document(text)).startswith(b"%PDF-")


def test_a_very_long_word_stays_on_its_page():
    long = pdf.typeset(a_document("x" * 5000))
    assert pages(long) > pages(pdf.typeset(a_document("x")))


def test_a_document_beyond_all_bounds_is_refused_with_what_to_do(monkeypatch):
    with pytest.raises(pdf.NotSet, match=r"MiB of text.*Print the page"):
        pdf.typeset(a_document("x" * (pdf.LARGEST_BYTES + 1)))
    monkeypatch.setattr(pdf, "SECONDS", 0.01)
    with pytest.raises(pdf.NotSet, match="took longer"):
        pdf.typeset(a_document("Not set before."))


def test_a_pdf_that_cannot_be_set_leads_to_the_page_which_says_why(organiser, draft, monkeypatch):
    monkeypatch.setattr(pdf, "LARGEST_BYTES", 10)
    answer = organiser.get(f"/challenges/{draft.slug}/design.pdf", follow=True)
    assert answer.redirect_chain == [(f"/challenges/{draft.slug}/design/", 302)]
    assert "Print the page instead" in answer.content.decode()

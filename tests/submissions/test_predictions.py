"""Masks that were made elsewhere: the same checks and scores, nothing run, and marked as such."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from challenges.models import Reference
from submissions.models import Attempt, Run, Submission
from submissions.selectors import report
from submissions.services.checking import check_next
from submissions.services.predictions import NOTHING_RUN
from submissions.services.rerunning import why_it_cannot_be_rerun
from submissions.services.running import run_next
from submissions.services.scoring import score_next
from submissions.services.uploads import submit_upload


@pytest.fixture
def takes_masks(phase, hints):
    phase.takes = ["container", "predictions"]
    phase.save()
    return phase


def references(phase):
    return {
        one.case.name: one.file.read()
        for one in Reference.objects.select_related("case").filter(case__dataset=phase.dataset)
    }


def zipped(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def submitted(phase, user, files, title="Reader A"):
    content = files if isinstance(files, bytes) else zipped(files)
    return submit_upload(
        phase=phase,
        user=user,
        title=title,
        kind="predictions",
        file=SimpleUploadedFile("masks.zip", content),
    )


def processed(submission):
    check_next(worker="h:1")
    while run_next(worker="h:1", engine=None) or score_next(worker="h:1"):
        pass
    submission.refresh_from_db()
    return submission


def test_masks_that_are_the_reference_score_one_and_nothing_is_run(takes_masks, developer):
    masks = {f"{name}.mha": content for name, content in references(takes_masks).items()}
    submission = processed(submitted(takes_masks, developer, masks))
    assert submission.state == "scored"
    shown = report(developer, submission)
    dice = shown.column_keys.index("dice")
    assert [row.values[dice] for row in shown.rows] == [1.0] * len(masks)
    assert {one.sandbox for one in Attempt.objects.all()} == {NOTHING_RUN}
    assert all(row.seconds is None and row.memory_mib is None for row in shown.rows)


@pytest.mark.parametrize("name", ["{}.mha", "masks/{}.mha", "{}/mask.mha", "a/b/{}.mha"], ids=str)
def test_a_mask_is_known_by_its_name_or_its_folders(takes_masks, developer, name):
    masks = {name.format(case): content for case, content in references(takes_masks).items()}
    masks["__MACOSX/._case-1.mha"] = b"of a file manager"
    assert processed(submitted(takes_masks, developer, masks)).state == "scored"


def test_a_case_without_a_mask_counts_as_failed_and_the_others_are_scored(takes_masks, developer):
    masks = {f"{name}.mha": content for name, content in references(takes_masks).items()}
    del masks["case-1.mha"]
    submission = processed(submitted(takes_masks, developer, masks))
    assert submission.state == "scored"
    reasons = {run.case.name: run.reason_code for run in Run.objects.all()}
    assert reasons == {"case-1": "no_output", "case-2": "", "case-3": ""}


def test_a_mask_that_no_container_could_hand_in_is_refused_case_by_case(takes_masks, developer):
    masks = {f"{name}.mha": content for name, content in references(takes_masks).items()}
    masks["case-2.mha"] = b"no mask"
    submission = processed(submitted(takes_masks, developer, masks))
    assert submission.state == "scored"
    assert Run.objects.get(case__name="case-2").reason_code == "unknown_format"


def test_every_wrong_name_is_told_at_once(takes_masks, developer):
    files = {"case-1.mha": b"x", "Case-2.mha": b"x", "notes.txt": b"x", "b/case-1.nii.gz": b"x"}
    submission = processed(submitted(takes_masks, developer, files))
    assert (submission.state, submission.reason_code) == ("rejected", "wrong_files")
    for said in ("“Case-2.mha”", "“notes.txt”", "second mask of case-1", "case-1.mha"):
        assert said in submission.reason_text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 cut off", "bad_zip"),
        (zipped({"../case-1.mha": b"x"}), "bad_zip"),
        (zipped({".DS_Store": b"x"}), "wrong_files"),
        (zipped({"case-1.mha": bytes(300_000_000)}), "bad_zip"),
    ],
    ids=["cut off", "leads out", "nothing", "bomb"],
)
def test_a_zip_that_cannot_be_used_is_refused_in_a_sentence(takes_masks, developer, content, code):
    submission = processed(submitted(takes_masks, developer, content))
    assert (submission.state, submission.reason_code) == ("rejected", code)
    assert report(developer, submission).reason.text.endswith((".", "mha."))


def test_masks_are_not_run_again(takes_masks, developer):
    masks = {f"{name}.mha": content for name, content in references(takes_masks).items()}
    submission = processed(submitted(takes_masks, developer, masks))
    assert "made elsewhere" in why_it_cannot_be_rerun(submission)


def test_a_phase_that_takes_containers_alone_says_so(phase, developer, client, hints):
    client.force_login(developer)
    address = f"/challenges/{phase.challenge.slug}/{phase.slug}/submit/"
    data = {
        "title": "Reader A",
        "kind": "predictions",
        "image": SimpleUploadedFile("m.zip", zipped({"case-1.mha": b"x"})),
    }
    answer = client.post(address, data)
    assert answer.status_code == 422
    assert not Submission.objects.exists()


def test_masks_come_in_by_the_form_too(takes_masks, developer, client):
    client.force_login(developer)
    masks = {f"{name}.mha": content for name, content in references(takes_masks).items()}
    data = {
        "title": "Reader A",
        "kind": "predictions",
        "image": SimpleUploadedFile("m.zip", zipped(masks)),
    }
    answer = client.post(
        f"/challenges/{takes_masks.challenge.slug}/{takes_masks.slug}/submit/", data
    )
    assert answer.status_code == 302
    assert processed(Submission.objects.get()).state == "scored"

from django.urls import path, register_converter

from challenges.views import (
    announcements,
    data,
    designing,
    downloads,
    participants,
    preparing,
    public,
    quality,
    questions,
    registration,
    teams,
    tus,
    viewing,
)


class PublicId:
    """As ``accounts.identifiers`` makes them: no word that follows a phase's slug is one."""

    regex = "[a-z0-9]{12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(PublicId, "public_id")

_PREPARE = "organise/<slug:slug>/"
_PHASE = "challenges/<slug:slug>/<slug:phase_slug>/"

urlpatterns = [
    path("", public.home, name="home"),
    path("docs/metrics/", public.metrics, name="metrics"),
    path("challenges/<slug:slug>/", public.challenge, name="challenge"),
    path("challenges/<slug:slug>/history/", public.history, name="history"),
    path("challenges/<slug:slug>/design/", designing.design, name="design"),
    path("challenges/<slug:slug>/design.pdf", designing.design_pdf, name="design_pdf"),
    path("challenges/<slug:slug>/register/", registration.register, name="register"),
    path("challenges/<slug:slug>/teams/", teams.team, name="team"),
    path("challenges/<slug:slug>/teams/join/<str:invitation>/", teams.join, name="join_team"),
    path(
        "challenges/<slug:slug>/announcements/", announcements.announcements, name="announcements"
    ),
    path(
        "challenges/<slug:slug>/announcements/<public_id:public_id>/",
        announcements.announcement,
        name="announcement",
    ),
    path("challenges/<slug:slug>/questions/", questions.questions, name="questions"),
    path(
        "challenges/<slug:slug>/questions/<public_id:public_id>/",
        questions.question,
        name="question",
    ),
    path(
        "challenges/<slug:slug>/<slug:phase_slug>/cases/<str:case>/projection.png",
        public.picture,
        name="picture",
    ),
    path(f"{_PHASE}cases/<str:case_id>/", viewing.public_case, name="public_case"),
    path(
        f"{_PHASE}cases/<str:case_id>/images/<slug:modality>.mha",
        viewing.public_image,
        name="public_image",
    ),
    path(
        f"{_PHASE}cases/<str:case_id>/masks/<int:number>.mha",
        viewing.public_mask,
        name="public_mask",
    ),
    path(f"{_PHASE}data/", downloads.data, name="phase_data"),
    path(f"{_PHASE}data/cases.zip", downloads.archive, name="phase_archive"),
    path("organise/", preparing.overview_of_all, name="organise"),
    path("organise/new/", preparing.new, name="prepare_new"),
    path(_PREPARE, preparing.overview, name="prepare"),
    path(f"{_PREPARE}data/", data.data, name="prepare_data"),
    path(f"{_PREPARE}data/uploads/", tus.create, name="data_uploads"),
    path(f"{_PREPARE}data/uploads/<str:public_id>/", tus.upload, name="data_upload"),
    path(f"{_PREPARE}data/<str:public_id>/", data.data_import, name="data_import"),
    path(f"{_PREPARE}quality/", quality.quality, name="prepare_quality"),
    path(f"{_PREPARE}cases/<str:case_id>/", quality.case, name="prepare_case"),
    path(f"{_PREPARE}cases/<str:case_id>/outlines.png", quality.outlined, name="outlined"),
    path(
        f"{_PREPARE}cases/<str:case_id>/images/<slug:modality>.mha",
        viewing.image,
        name="prepare_image",
    ),
    path(
        f"{_PREPARE}cases/<str:case_id>/masks/<int:number>.mha",
        viewing.mask,
        name="prepare_mask",
    ),
    path(f"{_PREPARE}splits/", quality.splits, name="prepare_splits"),
    path(f"{_PREPARE}rehearsal/", quality.rehearsal, name="prepare_rehearsal"),
    path(f"{_PREPARE}people/", preparing.people, name="prepare_people"),
    path(f"{_PREPARE}participants/", participants.participants, name="prepare_participants"),
    path(f"{_PREPARE}publish/", preparing.opening, name="prepare_opening"),
    path(f"{_PREPARE}drop/", preparing.drop, name="prepare_drop"),
    path(f"{_PREPARE}challenge.yaml", preparing.definition_file, name="prepare_file"),
    path(f"{_PREPARE}describe/<slug:step_slug>/", preparing.step, name="prepare_step"),
]

from django.urls import path

from leaderboards import case_views, entry_pages, taking, uncertainty_views, views
from leaderboards.evidence import views as evidence_views
from leaderboards.report import views as report_views

_BOARD = "challenges/<slug:slug>/<slug:phase_slug>/leaderboard/"
_CASE = f"{_BOARD}cases/<str:case_id>/"

urlpatterns = [
    path(
        "challenges/<slug:slug>/<slug:phase_slug>/leaderboard/",
        views.leaderboard,
        name="leaderboard",
    ),
    path(f"{_BOARD}states/", entry_pages.states, name="leaderboard_states"),
    path(f"{_BOARD}subgroups/", entry_pages.by_subgroup, name="subgroups"),
    path(f"{_BOARD}entries/<str:submission>/", entry_pages.entry, name="leaderboard_entry"),
    path(f"{_BOARD}uncertainty/", uncertainty_views.uncertainty, name="uncertainty"),
    path(
        f"{_BOARD}uncertainty/<int:snapshot>/<str:kind>.<str:suffix>",
        uncertainty_views.figure,
        name="uncertainty_figure",
    ),
    path(f"{_BOARD}compare/", case_views.compared, name="compare"),
    path(_CASE, case_views.case, name="leaderboard_case"),
    path(f"{_CASE}entries/<str:entry>/mask.mha", case_views.entry_mask, name="entry_mask"),
    path(
        f"{_CASE}entries/<str:entry>/lesions-<int:reference>.mha",
        case_views.entry_lesions,
        name="entry_lesions",
    ),
    path(f"{_BOARD}take-away/", taking.page, name="take_away"),
    path(f"{_BOARD}take-away/results.csv", taking.results, name="take_results"),
    path(f"{_BOARD}take-away/leaderboard.csv", taking.table, name="take_table"),
    path(f"{_BOARD}take-away/figures.zip", taking.figures, name="take_figures"),
    path(f"{_BOARD}take-away/challenge.yaml", taking.definition, name="take_definition"),
    path(f"{_BOARD}report/", report_views.page, name="report"),
    path(f"{_BOARD}report.pdf", report_views.pdf, name="report_pdf"),
    path("results/<str:submission>/", evidence_views.result, name="result"),
    path("results/<str:submission>/evidence.json", evidence_views.evidence, name="evidence"),
    path("results/<str:submission>/badge.svg", evidence_views.badge_svg, name="result_badge"),
    path("signing-key/", evidence_views.keys, name="signing_key"),
]

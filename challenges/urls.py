from django.urls import path

from challenges.views import preparing, public

_PREPARE = "organise/<slug:slug>/"

urlpatterns = [
    path("", public.home, name="home"),
    path("docs/metrics/", public.metrics, name="metrics"),
    path("challenges/<slug:slug>/", public.challenge, name="challenge"),
    path("challenges/<slug:slug>/history/", public.history, name="history"),
    path(
        "challenges/<slug:slug>/<slug:phase_slug>/cases/<str:case>/projection.png",
        public.picture,
        name="picture",
    ),
    path("organise/", preparing.overview_of_all, name="organise"),
    path("organise/new/", preparing.new, name="prepare_new"),
    path(_PREPARE, preparing.overview, name="prepare"),
    path(f"{_PREPARE}people/", preparing.people, name="prepare_people"),
    path(f"{_PREPARE}publish/", preparing.opening, name="prepare_opening"),
    path(f"{_PREPARE}drop/", preparing.drop, name="prepare_drop"),
    path(f"{_PREPARE}challenge.yaml", preparing.definition_file, name="prepare_file"),
    path(f"{_PREPARE}describe/<slug:step_slug>/", preparing.step, name="prepare_step"),
]

from django.urls import path

from challenges import views

urlpatterns = [
    path("", views.home, name="home"),
    path("docs/metrics/", views.metrics, name="metrics"),
    path("challenges/<slug:slug>/", views.challenge, name="challenge"),
    path(
        "challenges/<slug:slug>/<slug:phase_slug>/cases/<str:case>/projection.png",
        views.picture,
        name="picture",
    ),
]

from django.urls import path

from leaderboards import views

urlpatterns = [
    path(
        "challenges/<slug:slug>/<slug:phase_slug>/leaderboard/",
        views.leaderboard,
        name="leaderboard",
    ),
]

from django.urls import path

from submissions import views

urlpatterns = [
    path("submissions/", views.own_submissions, name="own_submissions"),
    path("submissions/<str:public_id>/", views.submission, name="submission"),
    path("submissions/<str:public_id>/cancel/", views.cancel, name="cancel"),
    path(
        "challenges/<slug:slug>/submissions/",
        views.challenge_submissions,
        name="challenge_submissions",
    ),
    path("challenges/<slug:slug>/<slug:phase_slug>/submit/", views.submit, name="submit"),
]

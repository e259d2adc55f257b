from django.urls import path

from submissions import cards, operating, views

urlpatterns = [
    path("submissions/", views.own_submissions, name="own_submissions"),
    path("submissions/<str:public_id>/", views.submission, name="submission"),
    path("algorithms/<str:public_id>/", cards.algorithm, name="algorithm"),
    path("algorithms/<str:public_id>/<int:number>/card/", cards.edit, name="edit_card"),
    path("uploads/<str:public_id>/discard/", views.discard_upload, name="discard_upload"),
    path("submissions/<str:public_id>/cancel/", views.cancel, name="cancel"),
    path("submissions/<str:public_id>/let-stand/", views.let_stand, name="let_stand"),
    path("submissions/<str:public_id>/rerun/", views.rerun, name="rerun"),
    path("submissions/<str:public_id>/release-logs/", views.release_logs, name="release_logs"),
    path("submissions/<str:public_id>/withhold-logs/", views.withhold_logs, name="withhold_logs"),
    path(
        "challenges/<slug:slug>/submissions/",
        views.challenge_submissions,
        name="challenge_submissions",
    ),
    path("operations/", operating.operations, name="operations"),
    path("operations/mail/", operating.mail_again, name="mail_again"),
    path("operations/metrics", operating.prometheus, name="prometheus"),
    path("operations/hosts/<str:name>/drain/", operating.drain, name="drain"),
    path("operations/hosts/<str:name>/resume/", operating.resume, name="resume"),
    path("challenges/<slug:slug>/<slug:phase_slug>/submit/", views.submit, name="submit"),
]

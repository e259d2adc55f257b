from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("", include("challenges.urls")),
    path("", include("submissions.urls")),
    path("", include("leaderboards.urls")),
]

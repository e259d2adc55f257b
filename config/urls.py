from django.urls import include, path

from config.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("", include("challenges.urls")),
    path("", include("submissions.urls")),
    path("", include("leaderboards.urls")),
]

from django.urls import path

from accounts.views import notices, tokens

urlpatterns = [
    path("tokens/", tokens.tokens, name="tokens"),
    path("notices/", notices.inbox, name="notices"),
    path("notices/settings/", notices.settings, name="notice_settings"),
    path("notices/off/<str:secret>/", notices.mail_off, name="mail_off"),
    path("notices/<str:public_id>/", notices.follow, name="notice"),
    path("tokens/<str:public_id>/revoke/", tokens.revoke, name="revoke_token"),
]

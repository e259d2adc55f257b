from django.urls import path

from accounts import views

urlpatterns = [
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<str:public_id>/revoke/", views.revoke, name="revoke_token"),
]

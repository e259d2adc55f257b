from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress

from accounts.models import Notice, User
from accounts.services import notices
from tests.factories import a_user
from tests.mail_server import mail_server


@pytest.fixture(autouse=True)
def hints(monkeypatch):
    """Messages that would have gone to the broker."""
    sent: list[str] = []
    monkeypatch.setattr(
        "accounts.hints.current_app.send_task", lambda name, args=(), **_: sent.append(name)
    )
    return sent


def over_smtp(settings, port: int) -> None:
    """As UPTAKE_MAIL_URL=smtp://127.0.0.1:port sets it."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 5
    settings.MAIL_LEAVES = True
    settings.DEFAULT_FROM_EMAIL = "Uptake <uptake@pet.example.org>"
    settings.ADDRESS = "https://pet.example.org"


@pytest.fixture
def server(settings):
    with mail_server() as box:
        over_smtp(settings, box.port)
        yield box


def a_reader(name: str, *, confirmed: bool = True) -> User:
    """Of mail."""
    person = a_user(name)
    person.email = f"{name}@example.org"
    person.save()
    if confirmed:
        EmailAddress.objects.get_or_create(
            user=person, email=person.email, verified=True, primary=True
        )
    return person


def tell(*people: User, key: str = "an event", **changed: object) -> int:
    said = {
        "kind": Notice.Kind.ANNOUNCEMENT,
        "subject": "A subject",
        "text": "A text.",
        "link": "/challenges/small/",
        **changed,
    }
    return notices.notify(people, key=key, **said)  # type: ignore[arg-type]


@pytest.fixture
def people(db):
    return SimpleNamespace(anna=a_reader("anna"), bert=a_reader("bert"))

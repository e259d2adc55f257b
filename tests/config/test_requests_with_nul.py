"""PostgreSQL stores no NUL, so no request brings one in."""

import pytest

pytestmark = pytest.mark.django_db
SAID = "character NUL"


@pytest.mark.parametrize("address", ["/?x=%00", "/challenges/a%00b/", "/submissions/a%00/"])
def test_an_address_with_it_is_refused_in_words(client, address):
    answer = client.get(address)
    assert answer.status_code == 400
    assert SAID in answer.content.decode()


@pytest.mark.parametrize(
    "body",
    [{"data": {"login": "a\0b"}},
     {"data": "login=a%00b", "content_type": "application/x-www-form-urlencoded"}],
    ids=["multipart", "urlencoded"],
)  # fmt: skip
def test_so_is_a_form_of_either_kind(client, body):
    answer = client.post("/accounts/login/", **body)
    assert answer.status_code == 400
    assert SAID in answer.content.decode()


def test_the_api_says_so_in_json(client):
    for answer in (
        client.get("/api/v1/challenges/a%00b"),
        client.post(
            "/api/v1/notices/read", '{"name": "a\\u0000"}', content_type="application/json"
        ),
    ):
        assert answer.status_code == 400
        assert SAID in answer.json()["detail"]


def test_everything_else_passes(client):
    assert client.get("/?x=%2500&y=0").status_code == 200
    assert client.post("/accounts/login/", {"login": "x0"}).status_code == 200

"""Long lists come in pages, and cost no more the longer they are."""

import pytest

from submissions.models import AlgorithmVersion, Submission
from tests.factories import a_user


@pytest.fixture
def many(phase, developer):
    from submissions.models import Algorithm

    algorithm = Algorithm.objects.create(owner=developer, title="Net")
    program = {"script": "good.py", "environment": {}}
    for number in range(1, 121):
        version = AlgorithmVersion.objects.create(
            algorithm=algorithm, number=number, program=program
        )
        Submission.objects.create(version=version, phase=phase, submitted_by=developer)
    return phase


@pytest.mark.parametrize("whose", ["own", "the challenge's"])
def test_a_long_list_comes_in_pages(many, client, whose, django_assert_max_num_queries):
    client.force_login(a_user("developer" if whose == "own" else "organiser"))
    address = (
        "/submissions/" if whose == "own" else f"/challenges/{many.challenge.slug}/submissions/"
    )
    with django_assert_max_num_queries(20):
        first = client.get(address).content.decode()
    second = client.get(f"{address}?page=2").content.decode()
    assert "version 120" in first
    assert first.count('<th scope="row"') == 100
    assert second.count('<th scope="row"') == 20
    assert "version 1<" in second
    assert "page=2" in first
    assert client.get(f"{address}?page=nonsense").status_code == 200

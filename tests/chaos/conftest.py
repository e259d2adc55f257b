import pytest

from tests.arena import CASES, CHALLENGE, PROGRAM, RECOVERIES
from tests.images import save_program
from tests.scans import write_challenge


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    return save_program(PROGRAM, tmp_path_factory.mktemp("image") / "image.tar")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_challenge(tmp_path_factory.mktemp("c") / "c", slug=CHALLENGE, cases=CASES)


@pytest.fixture
def in_flight(arena):
    """A submission on its way; what each file attacks is its ``arena``."""
    return arena.submit().until_running()


@pytest.fixture(autouse=True)
def recoveries_are_told(request):
    """With the test's report, which reaches the process that writes the summary."""
    yield
    request.node.user_properties += [("recovery", found) for found in RECOVERIES]
    RECOVERIES.clear()

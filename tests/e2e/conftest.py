import pytest

from tests.platforms import Platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """One platform for all end-to-end tests; it leaves nothing behind in the engine."""
    running = Platform(tmp_path_factory.mktemp("platform") / "state")
    running.start()
    yield running
    running.stop()
    assert running.left_overs() == []

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


@pytest.fixture(autouse=True)
def recoveries_are_told(request):
    """With the test's report, which reaches the process that writes the summary."""
    yield
    request.node.user_properties += [("recovery", found) for found in RECOVERIES]
    RECOVERIES.clear()


def pytest_terminal_summary(terminalreporter):
    """The time to recover from each fault, as the table of the documentation."""
    reports = [one for kind in terminalreporter.stats.values() for one in kind]
    found = [
        value
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == "recovery"
    ]
    if not found:
        return
    write = terminalreporter.write_line
    write("\n| fault | to the next case's score, s | to the end, s |\n| --- | --- | --- |")
    for fault, next_case, end in found:
        write(f"| {fault} | {next_case:.1f} | {end:.1f} |")

"""What several folders of tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real images; without them a test is skipped, except in CI, where that is a failure."""
    named = os.environ.get("UPTAKE_DATA", "")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    missing = (
        f"UPTAKE_DATA names {named!r}, which is not a folder."
        if named
        else "UPTAKE_DATA is not set; it names the folder of real images."
    )
    if os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


def pytest_collection_modifyitems(config, items):
    """On PostgreSQL what touches the database; all else was run on SQLite."""
    if not os.environ.get("UPTAKE_TEST_DATABASE"):
        return
    fixtures = {"db", "transactional_db"}
    touching, others = [], []
    for one in items:
        touches = one.get_closest_marker("django_db") or fixtures & set(one.fixturenames)
        (touching if touches else others).append(one)
    config.hook.pytest_deselected(items=others)
    items[:] = touching


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI everything is there, so a skip is a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter):
    """The time to recover from each fault that tests/chaos caused, as the table of the docs."""
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

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI everything is there, so a skip is a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report

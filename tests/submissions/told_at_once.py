"""Processes that die while they tell, and several that tell at once, against a database of the kind
that a platform has; prints what came of it.

Run as a program with the test's settings.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import django

# A database of its own, of the platform that it makes.
os.environ.pop("UPTAKE_TEST_DATABASE", None)


def dies_before(statement: str, job: Callable[[], object]) -> int:
    """In a process of its own, which is killed as it is about to send ``statement``; its status."""
    from django.db import connection

    def kill(execute, sql, params, many, context):
        if statement in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    connection.close()
    child = os.fork()
    if child == 0:
        with connection.execute_wrapper(kill):
            job()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

    from accounts.models import Event, Notice
    from submissions.sandbox.outcome import Owner
    from submissions.services import lifecycle, telling
    from tests.factories import a_challenge, a_phase, a_submission, a_user
    from tests.submissions.taking_turns import at_once

    challenge = a_challenge(Path(tempfile.mkdtemp()))
    submission = a_submission(a_phase(challenge), user=a_user("developer"))
    fail = partial(
        lifecycle.fail, submission=submission, stage="first case", code="exit_code", text="x",
        owner=Owner.PARTICIPANT,
    )  # fmt: skip
    found: dict[str, object] = {}

    def look(what: str) -> None:
        submission.refresh_from_db()
        told = Event.objects.filter(key__startswith="submission-ended").count()
        found[what] = [submission.state, told, Notice.objects.count()]

    fail()
    look("ended, and nobody told")
    found["killed"] = [
        dies_before('INSERT INTO "accounts_event"', telling.reconcile),
        dies_before('INSERT INTO "accounts_notice"', telling.reconcile),
    ]
    look("killed while it told")
    at_once([telling.reconcile] * 6)
    look("told by six at once")
    telling.reconcile()
    look("looked at again")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

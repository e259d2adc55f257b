"""Several at once, against a database of the kind that a platform has; prints what came of it.

Run as a program with the test's settings, so that threads have connections of their own to a file.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from accounts.models import User

PEOPLE = 6
ROUNDS = 12


def at_once(jobs: list[Callable[[], object]]) -> list[str]:
    """What each came to, begun together: “done”, or the message of its refusal."""
    from django.db import connection

    from challenges.services.refusals import Refused
    from submissions.services.arriving import UploadRefused
    from submissions.services.quotas import QuotaUsedUp

    barrier = Barrier(len(jobs))

    def run(job: Callable[[], object]) -> str:
        barrier.wait()
        try:
            job()
        except (Refused, QuotaUsedUp, UploadRefused) as refusal:
            return refusal.message
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def main() -> None:
    django.setup()
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from challenges.services import teams
    from submissions.models import Submission, Upload
    from submissions.services import arriving
    from submissions.services.arriving import discard, path_of
    from submissions.services.uploads import submit, submit_upload
    from tests.factories import a_challenge, a_phase, a_user

    challenge = a_challenge(
        Path(tempfile.mkdtemp()), phases=[
            {"slug": "open", "title": "Open", "cases": "public", "quota": {"attempts": 3}}
        ], teams={"most_members": PEOPLE - 1},
    )  # fmt: skip
    phase = a_phase(challenge)
    people = [a_user(f"person-{number}") for number in range(PEOPLE)]
    team = teams.create_team(challenge=challenge, user=a_user("first"), name="Team")
    others = [
        teams.create_team(challenge=challenge, user=a_user(f"of-{number}"), name=f"Other {number}")
        for number in range(PEOPLE)
    ]

    join = partial(teams.join_team, challenge=challenge)
    joins = at_once([partial(join, user=one, invitation=team.invitation) for one in people])
    undecided = a_user("undecided")
    several = at_once(
        [partial(join, user=undecided, invitation=other.invitation) for other in others]
    )

    def upload(person: "User") -> None:
        file = SimpleUploadedFile("image.tar", b"x" * 1000)
        submit_upload(phase=phase, user=person, title="Mine", file=file)

    def complete(title: str) -> Upload:
        content = f"{title:0<512}".encode()
        row = arriving.begin(phase=phase, user=undecided, name=title, size_bytes=len(content))
        row.received_bytes = path_of(row).write_bytes(content)
        row.save()
        return row

    kept = []
    for number in range(ROUNDS):
        row = complete(f"round-{number}")
        turns = at_once(
            [
                partial(discard, row=row),
                partial(submit, upload=row, user=undecided, title=row.name, is_baseline=True),
            ]
        )
        submitted = Submission.objects.filter(version__upload=row.pk).exists()
        kept.append([turns, submitted, path_of(row).exists()])

    uploads = at_once([partial(upload, one.user) for one in team.members.all()])
    json.dump(
        {
            "joins": joins,
            "members": team.members.count(),
            "several": several,
            "teams": undecided.teams.count(),
            "uploads": uploads,
            "kept": kept,
            "submissions": Submission.objects.filter(team=team).count(),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()

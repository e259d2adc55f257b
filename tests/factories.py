"""Small challenges, users and submissions, made through the same services as real ones."""

from dataclasses import asdict
from pathlib import Path

from accounts.models import User
from challenges.models import Challenge, Phase
from challenges.services.importing import import_challenge
from submissions.models import Submission
from submissions.sandbox.archive import ImageConfig
from submissions.services.uploads import submit_program
from tests.scans import write_challenge

A_CONFIG = asdict(ImageConfig(("/program",), (), (), "", "1000", ()))
"""Of an image that was checked, as it is stored."""


def a_user(name: str) -> User:
    found = User.objects.filter(username=name).first()
    return found or User.objects.create_user(name, password="a long enough secret")


def a_challenge(
    folder: Path, *, slug: str = "small", cases: int = 3, hidden: bool = False, **overrides: object
) -> Challenge:
    path = write_challenge(folder / slug, slug=slug, cases=cases, **overrides)
    challenge, _ = import_challenge(folder=path, organiser=a_user("organiser"))
    if hidden:
        challenge.phases.update(cases=Phase.Cases.HIDDEN)
    return challenge


def a_phase(challenge: Challenge) -> Phase:
    return challenge.phases.select_related("challenge", "dataset").get()


def a_submission(
    phase: Phase, *, user: User, title: str = "Threshold", script: str = "good.py"
) -> Submission:
    """Of a program that runs as a plain process, as the project's own baselines may."""
    return submit_program(phase=phase, user=user, title=title, script=script, environment={})

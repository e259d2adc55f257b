"""``python -m evaluation``: the commands without a platform."""

from evaluation.cli import app

app(prog_name="python -m evaluation")

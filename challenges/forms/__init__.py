"""The steps in which a challenge is described in the browser, each over part of the draft."""

from challenges.forms.steps import STEPS, Step, step_named

__all__ = ["STEPS", "Step", "step_named"]

"""Challenges as data: what is asked, who takes part, and what is said."""

from ninja import Router

from challenges.api.announcements import router as announcements
from challenges.api.challenges import router as challenges
from challenges.api.finding import seen_challenge, seen_phase
from challenges.api.questions import router as questions
from challenges.api.registration import router as registration
from challenges.api.teams import router as teams

__all__ = ["router", "seen_challenge", "seen_phase"]

router = Router()
for _part in (challenges, registration, teams, announcements, questions):
    router.add_router("", _part)

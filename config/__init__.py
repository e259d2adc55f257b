"""Wiring: settings, Celery, URLs, the supervisor and the commands. Nobody imports config."""

from config.celery import app as celery_app

__all__ = ["celery_app"]

"""Celery's side of the services. Loaded by workers only."""

from celery import shared_task

from accounts.hints import SEND_MAIL
from accounts.services.mailing import send_waiting


@shared_task(name=SEND_MAIL)
def send_mail_task() -> None:
    send_waiting()

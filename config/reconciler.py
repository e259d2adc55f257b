"""The reconciler: a process of its own that finds what was lost, at most every 30 seconds.

It reads the database and needs no broker. It lives with a supervisor, so an unexpected error is
logged and the next round begins.
"""

import os
import signal
import threading

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def main() -> None:
    django.setup()
    import structlog
    from django.conf import settings
    from django.db import close_old_connections

    from challenges.services import reconcile as reconcile_challenges
    from leaderboards.services import reconcile as reconcile_leaderboards
    from submissions.services.clean_up import clean_up
    from submissions.services.hosts import forget_silent_workers, tell_of_host
    from submissions.services.leases import Watch
    from submissions.services.reconciling import reconcile
    from submissions.tasks import engine_of_this_host

    log = structlog.get_logger("reconciler")
    stop = threading.Event()
    watch = Watch(settings.LEASE_SECONDS)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())

    def reconcile_submissions() -> None:
        reconcile(watch)

    def clean_up_this_host() -> None:
        engine = engine_of_this_host()
        try:
            tell_of_host(engine)
            forget_silent_workers()
            clean_up(engine)
        finally:
            if engine is not None:
                engine.close()

    while not stop.is_set():
        for step in (
            reconcile_submissions,
            reconcile_leaderboards,
            clean_up_this_host,
            reconcile_challenges,
        ):
            try:
                step()
            except Exception:  # one step's defect must not keep the others from their work
                log.exception("reconcile.failed", step=step.__name__)
        close_old_connections()
        stop.wait(settings.RECONCILE_SECONDS)


if __name__ == "__main__":
    main()

"""The reconciler: a process of its own that finds what was lost, at most every 30 seconds.

It reads the database and needs no broker. It lives with a supervisor, so an unexpected error is
logged and the next round begins.
"""

import os
import signal
import threading
from contextlib import closing

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


_PATIENCE_SECONDS = 10
_ABANDONED_SECONDS = 3600


def main() -> None:
    django.setup()
    import structlog
    from django.conf import settings
    from django.db import close_old_connections

    from accounts.services.mailing import reconcile as reconcile_mail
    from challenges.leases import Watch
    from challenges.services.arrivals import reconcile as reconcile_arrivals
    from challenges.services.clearing import reconcile as reconcile_cases
    from challenges.services.imports import reconcile as reconcile_data
    from challenges.services.rehearsing import reconcile as reconcile_rehearsals
    from challenges.services.telling import reconcile as reconcile_phases
    from challenges.untouched import Untouched
    from leaderboards.drawings import reconcile as reconcile_drawings
    from leaderboards.services import reconcile as reconcile_leaderboards
    from submissions.sandbox.outcome import SandboxError
    from submissions.services.clean_up import clean_up
    from submissions.services.cross_scoring import Seen
    from submissions.services.cross_scoring import reconcile as reconcile_readers
    from submissions.services.hosts import forget_silent_workers, tell_of_host
    from submissions.services.reconciling import reconcile
    from submissions.services.rescoring import reconcile as reconcile_editions
    from submissions.services.similarity import reconcile as reconcile_similarities
    from submissions.services.telling import reconcile as reconcile_ends
    from submissions.tasks import connect_engine

    log = structlog.get_logger("reconciler")
    stop = threading.Event()
    watch = Watch(settings.LEASE_SECONDS)
    seen = Seen()
    files, cases, arrivals = (Untouched(_ABANDONED_SECONDS) for _ in range(3))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())

    def reconcile_submissions() -> None:
        reconcile(watch)
        reconcile_editions(watch)

    def reconcile_figures() -> None:
        reconcile_drawings(watch)

    def reconcile_cross_scorings() -> None:
        reconcile_readers(watch, seen)

    def clean_up_this_host() -> None:
        forget_silent_workers()
        try:
            # An engine that hangs must not keep leases from running out.
            engine = connect_engine(patience=_PATIENCE_SECONDS)
        except SandboxError as error:
            log.warning("engine.unreachable", error=error.message)
            tell_of_host(None)
            clean_up(None, untouched=files)
            return
        with closing(engine):
            tell_of_host(engine)
            clean_up(engine, untouched=files)

    def reconcile_imports() -> None:
        reconcile_cases(cases)
        reconcile_arrivals(arrivals)
        reconcile_data(watch)
        reconcile_rehearsals(watch)

    while not stop.is_set():
        for step in (
            reconcile_submissions,
            reconcile_leaderboards,
            reconcile_figures,
            reconcile_similarities,
            reconcile_cross_scorings,
            clean_up_this_host,
            reconcile_imports,
            reconcile_ends,
            reconcile_phases,
            reconcile_mail,
        ):
            try:
                step()
            except Exception:  # one step's defect must not keep the others from their work
                log.exception("reconcile.failed", step=step.__name__)
        close_old_connections()
        stop.wait(settings.RECONCILE_SECONDS)


if __name__ == "__main__":
    main()

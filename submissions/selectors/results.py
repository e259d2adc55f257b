"""A submission's cases as a table, and the log of one."""

import csv
import io

from challenges.policies import Viewer
from evaluation.spreadsheets import plain_cell
from submissions.models import Submission
from submissions.policies import may_see_logs
from submissions.selectors.report import report


def results_csv(viewer: Viewer, submission: Submission) -> str:
    """One line a case; scores are left empty where they are not for this viewer.

    Times are in seconds, memory in MiB, volumes in ml.
    """
    shown = report(viewer, submission)
    file = io.StringIO()
    table = csv.writer(file)
    units = [
        f"{key} ({metric.unit})" if metric.unit else key
        for key, (metric, _) in zip(shown.column_keys, shown.columns, strict=True)
    ]
    table.writerow(
        ["number", "case", "state", "reason", *units, "reference (ml)", "prediction (ml)",
         "wall time (s)", "CPU time (s)", "peak memory (MiB)", "attempts"]
    )  # fmt: skip
    for row in shown.rows:
        table.writerow(
            [row.number, plain_cell(row.case), row.state, row.reason.code if row.reason else "",
             *row.values, row.reference_ml, row.prediction_ml,
             row.seconds, row.cpu_seconds, row.memory_mib, row.attempts]
        )  # fmt: skip
    return file.getvalue()


def log_of(viewer: Viewer, submission: Submission, *, number: int) -> str | None:
    """Of the last attempt at the number-th case; None where there is none, or it is withheld."""
    if not may_see_logs(viewer, submission):
        return None
    runs = list(submission.runs.all()) if number > 0 else []
    if number > len(runs):
        return None
    last = runs[number - 1].attempts.order_by("fence").last() if runs else None
    return last.log if last else None

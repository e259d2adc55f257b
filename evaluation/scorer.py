"""The process that scores one case: ``python -m evaluation.scorer < job.json``.

job: {reference: path, prediction: path or null, pet: path or null, spec, memory_bytes,
cpu_seconds}; all files were written by the platform. It answers with CaseScore as JSON. No
database, no secret, limited memory and time.
"""

import json
import resource
import sys
from pathlib import Path

from evaluation.files import score_files
from evaluation.spec import EvaluationSpec


def main() -> None:
    job = json.load(sys.stdin)
    memory, seconds = job["memory_bytes"], job["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    reference, prediction, pet = (
        None if job[name] is None else Path(job[name])
        for name in ("reference", "prediction", "pet")
    )
    assert reference is not None  # noqa: S101  (every case has one)
    score = score_files(reference, prediction, EvaluationSpec.model_validate(job["spec"]), pet=pet)
    json.dump(score.to_json(), sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()

"""The process that scores one case: ``python -m evaluation.scorer < job.json``.

job: {reference: path, prediction: path or null, spec, memory_bytes, cpu_seconds}; both files were
written by the platform. It answers with CaseScore as JSON. No database, no secret, limited memory
and time.
"""

import json
import resource
import sys
from pathlib import Path

from evaluation.masks import label_values
from evaluation.scoring import score_case
from evaluation.spec import EvaluationSpec
from evaluation.volumes import read_volume


def main() -> None:
    job = json.load(sys.stdin)
    memory, seconds = job["memory_bytes"], job["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    spec = EvaluationSpec.model_validate(job["spec"])
    values = spec.labels.values()
    reference = read_volume(Path(job["reference"]))
    prediction = None
    if job["prediction"] is not None:
        prediction = label_values(read_volume(Path(job["prediction"])).voxels, values)
    score = score_case(label_values(reference.voxels, values), prediction, reference.geometry, spec)
    json.dump(score.to_json(), sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()

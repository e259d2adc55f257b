"""The process that opens an untrusted mask: ``python -m evaluation.decode REQUEST < mask``.

It has the mask as its standard input and, once its libraries are loaded, can open no file at all
(no descriptor above 2 may be made), so no header can lead it to a reference. It answers with one
line of JSON and, where the mask is accepted, the voxels as bytes (uint8, ``[z, y, x]``).
"""

import json
import resource
import sys

import numpy.ma  # noqa: F401  (loaded when first needed by others: by then no file can be opened)

from evaluation.errors import EvaluationError
from evaluation.geometry import Geometry
from evaluation.resampling import read_on_grid
from evaluation.volumes.nifti import load_nibabel


def main() -> None:
    load_nibabel()
    request = json.loads(sys.argv[1])
    memory, seconds = request["memory_bytes"], request["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    output = sys.stdout.buffer
    try:
        grid = Geometry.from_json(request["geometry"])
        mask = read_on_grid(sys.stdin.buffer, grid, request["values"], request["resample"])
    except EvaluationError as refusal:
        answer = {"accepted": False, "code": refusal.code, "message": refusal.message}
        output.write(json.dumps(answer).encode() + b"\n")
        return
    output.write(json.dumps({"accepted": True}).encode() + b"\n")
    output.write(mask.to_array().data)


if __name__ == "__main__":
    main()

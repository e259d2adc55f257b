"""One tool on one pair of files, in a process of its own: seconds, memory and the numbers it gives.

    python benchmarks/peers.py TOOL REFERENCE PREDICTION OPTIONS

Prints one line of JSON. Each tool is a function that imports what it needs and returns another that
reads both files and gives its metrics under Uptake's ids, each by the tool's own definition. Each
tool reads as its users do: nibabel's arrays without a conversion, or SimpleITK's images.
"""

import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Values = dict[str, float]
Score = Callable[[Path, Path], Values]

SLOW_SECONDS = 20.0
QUICK_SECONDS, MOST_RUNS = 1.0, 9
TOLERANCE_MM = 4.0


def medpy(_: dict[str, Any]) -> Score:
    from medpy.metric import binary

    def score(reference: Path, prediction: Path) -> Values:
        (r, p), spacing = _arrays(reference, prediction)
        return {
            "dice": binary.dc(p, r),
            "jaccard": binary.jc(p, r),
            "sensitivity": binary.sensitivity(p, r),
            "ppv": binary.positive_predictive_value(p, r),
            "hd": binary.hd(p, r, spacing),
            "hd95_pooled": binary.hd95(p, r, spacing),
            "assd": binary.assd(p, r, spacing),
        }

    return score


def monai(_: dict[str, Any]) -> Score:
    import torch  # type: ignore[import-not-found]
    from monai import metrics  # type: ignore[import-not-found]

    def score(reference: Path, prediction: Path) -> Values:
        (r, p), spacing = _arrays(reference, prediction)
        y, y_pred = (torch.from_numpy(one)[None, None] for one in (r, p))
        counts = metrics.get_confusion_matrix(y_pred.float(), y.float())
        found = {
            "dice": metrics.compute_dice(y_pred, y),
            "jaccard": metrics.compute_iou(y_pred, y),
            "sensitivity": metrics.compute_confusion_matrix_metric("sensitivity", counts),
            "ppv": metrics.compute_confusion_matrix_metric("precision", counts),
            "hd": metrics.compute_hausdorff_distance(
                y_pred, y, include_background=True, spacing=spacing
            ),
            "hd95": metrics.compute_hausdorff_distance(
                y_pred, y, include_background=True, spacing=spacing, percentile=95
            ),
            "assd": metrics.compute_average_surface_distance(
                y_pred, y, include_background=True, spacing=spacing, symmetric=True
            ),
            "nsd": metrics.compute_surface_dice(
                y_pred, y, [TOLERANCE_MM], include_background=True, spacing=spacing
            ),
        }
        return {name: value.item() for name, value in found.items()}

    return score


def metrics_reloaded(options: dict[str, Any]) -> Score:
    if not options["metrics_reloaded"]:
        raise ImportError("no folder of it was given with --metrics-reloaded")
    sys.path.insert(0, options["metrics_reloaded"])
    import numpy as np
    from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures  # type: ignore[import-not-found]

    ours = {
        "dsc": "dice",
        "iou": "jaccard",
        "sensitivity": "sensitivity",
        "ppv": "ppv",
        "hd": "hd",
        "hd_perc": "hd95",
        "assd": "assd",
        "nsd": "nsd",
    }

    def score(reference: Path, prediction: Path) -> Values:
        (r, p), spacing = _arrays(reference, prediction)
        measures = BinaryPairwiseMeasures(
            p.astype(np.int8),
            r.astype(np.int8),
            measures=list(ours),
            pixdim=spacing,
            dict_args={"hd_perc": 95, "nsd": TOLERANCE_MM},
        )
        return {ours[name]: value for name, value in measures.to_dict_meas().items()}

    return score


def simpleitk(_: dict[str, Any]) -> Score:
    import SimpleITK as sitk

    def score(reference: Path, prediction: Path) -> Values:
        r, p = (sitk.ReadImage(str(path), sitk.sitkUInt8) for path in (reference, prediction))
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(p, r)  # the second is the one that may be missed
        distance = sitk.HausdorffDistanceImageFilter()
        distance.Execute(r, p)
        return {
            "dice": overlap.GetDiceCoefficient(1),
            "jaccard": overlap.GetJaccardCoefficient(1),
            "sensitivity": 1.0 - overlap.GetFalseNegativeError(1),
            "ppv": 1.0 - overlap.GetFalseDiscoveryRate(1),
            "hd": distance.GetHausdorffDistance(),
        }

    return score


def surface_distance(_: dict[str, Any]) -> Score:
    import surface_distance as surface  # type: ignore[import-not-found]

    def score(reference: Path, prediction: Path) -> Values:
        (r, p), spacing = _arrays(reference, prediction)
        distances = surface.compute_surface_distances(r, p, spacing)
        nearest = surface.compute_average_surface_distance(distances)
        return {
            "dice": surface.compute_dice_coefficient(r, p),
            "hd": surface.compute_robust_hausdorff(distances, 100),
            "hd95": surface.compute_robust_hausdorff(distances, 95),
            "assd": sum(nearest) / 2,
            "nsd": surface.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM),
        }

    return score


def autopet(_: dict[str, Any]) -> Score:
    """FPV and FNV as challenge scripts take them: one whole-volume mask for each component."""
    import cc3d  # type: ignore[import-not-found]
    import numpy as np

    def untouched_ml(drawn: Any, other: Any, voxel_ml: float) -> float:
        labelled = cc3d.connected_components(drawn.astype(int), connectivity=18)
        voxels = 0
        for number in range(1, labelled.max() + 1):
            component = np.isin(labelled, number)
            if (component * other).sum() == 0:
                voxels += component.sum()
        return float(voxels * voxel_ml)

    def score(reference: Path, prediction: Path) -> Values:
        (r, p), spacing = _arrays(reference, prediction)
        voxel_ml = spacing[0] * spacing[1] * spacing[2] / 1000.0
        return {"fpv_ml": untouched_ml(p, r, voxel_ml), "fnv_ml": untouched_ml(r, p, voxel_ml)}

    return score


def uptake(options: dict[str, Any]) -> Score:
    from evaluation.batch import score_case_files
    from evaluation.cases import CaseFiles
    from evaluation.spec import EvaluationSpec

    spec = EvaluationSpec(metrics=options["metrics"])

    def score(reference: Path, prediction: Path) -> Values:
        case = CaseFiles("pair", {"reference": reference}, prediction, None)
        found = score_case_files(case, spec, threads=2).metrics
        return {
            name: float(labels["lesion"].value)
            for name, labels in found.items()
            if labels["lesion"].value is not None
        }

    return score


TOOLS: dict[str, tuple[Callable[[dict[str, Any]], Score], Sequence[str]]] = {
    "medpy": (medpy, ("medpy", "scipy")),
    "monai": (monai, ("monai", "torch")),
    "metrics-reloaded": (metrics_reloaded, ("MetricsReloaded",)),
    "simpleitk": (simpleitk, ("simpleitk",)),
    "surface-distance": (surface_distance, ("surface-distance",)),
    "autopet": (autopet, ("connected-components-3d",)),
    "uptake": (uptake, ("numpy", "scipy", "isal")),
}


def _arrays(reference: Path, prediction: Path) -> tuple[tuple[Any, Any], tuple[float, ...]]:
    """Both masks as booleans, and the spacing."""
    import nibabel
    import numpy as np

    images: list[Any] = [nibabel.load(path) for path in (reference, prediction)]
    r, p = (np.asanyarray(image.dataobj) != 0 for image in images)
    return (r, p), tuple(float(edge) for edge in images[0].header.get_zooms())


def _peak_bytes() -> int:
    """The most memory that this program has held, its libraries included."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not ru_maxrss: Linux lets a process start with what its parent held.
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _seconds(score: Score, reference: Path, prediction: Path) -> tuple[float, Values]:
    start = time.perf_counter()
    values = score(reference, prediction)
    return time.perf_counter() - start, values


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:  # imported from a folder
        return f"{name} {import_module(f'{name}._version').__version__}"


def measured(
    tool: str, reference: Path, prediction: Path, options: dict[str, Any]
) -> dict[str, Any]:
    """The first run is told apart. It is the only one where it is slow; else as many follow as are
    asked for, and more of very quick ones."""
    make, packages = TOOLS[tool]
    try:
        score = make(options)
    except ImportError as error:
        return {"problem": f"missing: {error}"}
    first, values = _seconds(score, reference, prediction)
    taken: list[float] = []
    while first <= SLOW_SECONDS and (
        len(taken) < options["runs"] or (sum(taken) < QUICK_SECONDS and len(taken) < MOST_RUNS)
    ):
        taken.append(_seconds(score, reference, prediction)[0])
    return {
        "seconds": statistics.median(taken or [first]),
        "first": first,
        "runs": len(taken) or 1,
        "peak_bytes": _peak_bytes(),
        "values": {name: float(value) for name, value in values.items()},
        "versions": [_version(name) for name in packages],
    }


def main(tool: str, reference: str, prediction: str, options: str) -> None:
    print(json.dumps(measured(tool, Path(reference), Path(prediction), json.loads(options))))


if __name__ == "__main__":
    main(*sys.argv[1:])

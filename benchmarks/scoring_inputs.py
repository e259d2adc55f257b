"""Pairs of masks to time scoring with: drawn by seed, and real ones where UPTAKE_DATA has them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from evaluation.geometry import Geometry
from evaluation.volumes import Volume, read_volume, write_volume

SHAPE = (326, 400, 400)
GRID = Geometry(size=SHAPE[::-1], spacing=(2.036, 2.036, 3.0))
EDGES = np.array(GRID.spacing[::-1])
LESIONS = 60
MEDIAN_MM, SMALLEST_MM, LARGEST_MM, SPREAD = 18.0, 6.0, 90.0, 0.6
SHARE_MISSED = SHARE_FALSE = 0.1
BLOB_VOXELS = 40
FAR_LESIONS = 30

Mask = NDArray[np.uint8]
Point = NDArray[np.float64]


@dataclass(frozen=True)
class Input:
    """A pair to score; without files where it needs data that are not there (absent says which)."""

    name: str
    words: str
    reference: Path = Path()
    prediction: Path = Path()
    absent: str = ""


@dataclass(frozen=True)
class Lesion:
    """An ellipsoid with a bumpy surface. centre, radii: mm (z, y, x); bumps: of its surface."""

    centre: Point
    radii: Point
    bumps: Point

    def apart_from(self, other: "Lesion") -> bool:
        reach = 1.2 * (self.radii.max() + other.radii.max()) + 2 * EDGES.max()
        return bool(np.linalg.norm(self.centre - other.centre) > reach)

    def draw(self, mask: Mask) -> None:
        reach = self.radii * 1.3
        low = np.maximum(np.floor((self.centre - reach) / EDGES), 0).astype(int)
        high = np.minimum(np.ceil((self.centre + reach) / EDGES) + 1, SHAPE).astype(int)
        part = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
        axes = [
            (np.arange(low[axis], high[axis]) * EDGES[axis] - self.centre[axis]) / self.radii[axis]
            for axis in range(3)
        ]
        z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
        waves = sum(
            np.sin(3.0 * one + bump) for one, bump in zip((z, y, x), self.bumps, strict=True)
        )
        mask[part] |= z**2 + y**2 + x**2 <= 1.0 + 0.12 * waves


def inputs(folder: Path) -> Iterator[Input]:
    """Each pair, written to ``folder`` when its turn comes."""
    yield _fdg(folder)
    yield _psma()
    yield _drawn(folder, "whole-body", f"{LESIONS} lesions, 10 % missed, 10 % false", whole_body(1))
    yield _drawn(folder, "large", "two rough ellipsoids, 10 % of the volume", large(2))
    yield _drawn(
        folder,
        "far-lesions",
        f"{FAR_LESIONS} lesions low, {FAR_LESIONS} others high",
        far_lesions(3),
    )
    yield _drawn(folder, "far-blobs", "two balls, radius 40 voxels, far apart", far_blobs())


def whole_body(seed: int) -> tuple[Mask, Mask]:
    """Lesions all over a body, and a prediction that draws most of them a little differently."""
    random = np.random.default_rng(seed)
    false = round(LESIONS * SHARE_FALSE)
    every = _lesions(random, LESIONS + false, 0.05, 0.95)
    kept = [_redrawn(one, random) for one in every[round(LESIONS * SHARE_MISSED) : LESIONS]]
    return _mask(every[:LESIONS]), _mask([*kept, *every[LESIONS:]])


def large(seed: int) -> tuple[Mask, Mask]:
    """Two shapes of 2.6 million voxels each, and the same with another surface."""
    random = np.random.default_rng(seed)
    axes = [np.linspace(-1.0, 1.0, count) * count / 2 for count in (*SHAPE[:2], SHAPE[2] // 2)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    # The radii give 4/3·π·abc = 2.6 million voxels.
    inside = ((z / 127) ** 2 + (y / 70) ** 2 + (x / 70) ** 2).astype(np.float32)
    shared, *own = (_rough(random, inside.shape) for _ in range(3))
    halves = [inside + 0.05 * shared + 0.03 * one <= 1.0 for one in own]
    reference, prediction = (np.concatenate([half, half[:, ::-1]], axis=2) for half in halves)
    return reference.astype(np.uint8), prediction.astype(np.uint8)


def far_lesions(seed: int) -> tuple[Mask, Mask]:
    random = np.random.default_rng(seed)
    low, high = (_mask(_lesions(random, FAR_LESIONS, *span)) for span in ((0.1, 0.3), (0.7, 0.9)))
    return low, high


def far_blobs() -> tuple[Mask, Mask]:
    def ball(slice_: int) -> Mask:
        z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        distance = (z - slice_) ** 2 + (y - SHAPE[1] // 2) ** 2 + (x - SHAPE[2] // 2) ** 2
        return np.asarray(distance <= BLOB_VOXELS**2, np.uint8)

    return ball(50), ball(SHAPE[0] - 51)


def write_pair(folder: Path, name: str, pair: tuple[Mask, Mask]) -> tuple[Path, Path]:
    """The paths of the reference and of the prediction, gzip NIfTI."""
    paths = (folder / f"{name}_reference.nii.gz", folder / f"{name}_prediction.nii.gz")
    for path, mask in zip(paths, pair, strict=True):
        write_volume(path, Volume(mask, GRID))
    return paths


def _drawn(folder: Path, name: str, words: str, pair: tuple[Mask, Mask]) -> Input:
    return Input(name, words, *write_pair(folder, name, pair))


def _fdg(folder: Path) -> Input:
    found = Input("fdg", "a real whole-body label, and it moved by a voxel and dilated")
    path = _data("fdg_label_400x400x326.nii.gz")
    if path is None:
        return replace(found, absent="left out: UPTAKE_DATA has no autopet_pairs/fdg_label_*")
    volume = read_volume(path)
    moved = binary_dilation(np.roll(volume.voxels != 0, 1, axis=(0, 1, 2))).astype(np.uint8)
    prediction = folder / "fdg_prediction.nii.gz"
    write_volume(prediction, Volume(moved, volume.geometry))
    return replace(found, reference=path, prediction=prediction)


def _psma() -> Input:
    found = Input("psma112", "a real reference with 112 lesions, and a network's prediction")
    paths = [_data(f"psma112_{role}.nii.gz") for role in ("reference", "prediction")]
    if paths[0] is None or paths[1] is None:
        return replace(found, absent="left out: UPTAKE_DATA has no autopet_pairs/psma112_*")
    return replace(found, reference=paths[0], prediction=paths[1])


def _data(name: str) -> Path | None:
    folder = os.environ.get("UPTAKE_DATA")
    path = Path(folder or "") / "autopet_pairs" / name
    return path if folder and path.is_file() else None


def _lesions(random: np.random.Generator, count: int, low: float, high: float) -> list[Lesion]:
    """Lesions that do not touch one another, between the shares ``low`` and ``high`` of the body's
    length, in random order."""
    found: list[Lesion] = []
    # The largest first, so that each finds a place and the sizes stay as they are drawn.
    for diameter in sorted((_diameter(random) for _ in range(count)), reverse=True):
        radii = diameter / 2 * random.uniform(0.8, 1.25, 3)
        bumps = random.uniform(0, 2 * np.pi, 3)
        new = Lesion(_place(random, low, high), radii, bumps)
        while not all(new.apart_from(one) for one in found):
            new = Lesion(_place(random, low, high), radii, bumps)
        found.append(new)
    return [found[one] for one in random.permutation(count)]


def _diameter(random: np.random.Generator) -> float:
    """mm"""
    diameter = 0.0
    while not SMALLEST_MM <= diameter <= LARGEST_MM:
        diameter = random.lognormal(np.log(MEDIAN_MM), SPREAD)
    return diameter


def _place(random: np.random.Generator, low: float, high: float) -> Point:
    """A point of the body, mm."""
    _, ny, nx = SHAPE
    angle, out = random.uniform(0, 2 * np.pi), np.sqrt(random.uniform())
    place = [
        random.uniform(low, high) * SHAPE[0],
        ny / 2 + 0.20 * ny * out * np.sin(angle),
        nx / 2 + 0.32 * nx * out * np.cos(angle),
    ]
    return np.asarray(place * EDGES, np.float64)


def _redrawn(lesion: Lesion, random: np.random.Generator) -> Lesion:
    return Lesion(
        lesion.centre + random.normal(0, 0.7, 3) * EDGES,
        np.maximum(lesion.radii * random.uniform(0.85, 1.15, 3), SMALLEST_MM / 2),
        lesion.bumps + random.normal(0, 0.5, 3),
    )


def _mask(lesions: list[Lesion]) -> Mask:
    mask = np.zeros(SHAPE, np.uint8)
    for lesion in lesions:
        lesion.draw(mask)
    return mask


def _rough(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Noise of standard deviation 1, smooth over a few voxels."""
    noise = gaussian_filter(random.standard_normal(shape, np.float32), 3.0)
    rough: NDArray[np.float32] = noise / noise.std()
    return rough

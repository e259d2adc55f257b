"""Lesions: how many, where, how large, of which shape and how hot."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from challenges.phantoms import body
from challenges.phantoms.canvas import Box, Canvas, Frame, Mask, Vector, Volume

MOST = 40
SUPERSAMPLING = 4
FAR = np.float32(1000.0)
MARGIN = 14.0


class Site(NamedTuple):
    """A place where lesions grow: its middle and spread (mm, reference), largest diameter (mm)."""

    middle: tuple[float, float, float]
    spread: tuple[float, float, float]
    largest: float
    paired: bool


SITES: dict[str, tuple[Site, ...]] = {
    "neck": (
        Site((38, 6, 235), (6, 8, 14), 30, True),
        Site((46, -6, 268), (8, 8, 8), 28, True),
        Site((52, 4, 300), (10, 6, 6), 28, True),
    ),
    "axilla": (Site((138, -4, 372), (9, 14, 18), 36, True),),
    "mediastinum": (
        Site((14, 6, 420), (10, 12, 22), 90, False),
        Site((0, -14, 468), (16, 8, 14), 60, False),
        Site((30, -10, 470), (7, 8, 12), 40, True),
    ),
    "lung": (
        Site((82, -10, 430), (22, 34, 46), 60, True),
        Site((84, -30, 490), (20, 28, 30), 60, True),
    ),
    "liver": (
        Site((70, -4, 590), (26, 30, 30), 60, False),
        Site((10, 40, 576), (22, 10, 12), 36, False),
    ),
    "retroperitoneum": (
        Site((6, -8, 660), (20, 9, 30), 70, False),
        Site((4, -4, 715), (18, 8, 18), 60, False),
        Site((46, 4, 800), (8, 10, 22), 44, True),
    ),
    "groin": (Site((80, 48, 880), (10, 8, 14), 32, True),),
    "bone": (
        Site((86, -30, 770), (8, 22, 24), 40, True),
        Site((98, -4, 880), (8, 6, 14), 34, True),
        Site((0, -64, 800), (22, 6, 22), 36, False),
        Site((0, 96, 440), (4, 3, 30), 28, False),
        Site((158, -8, 338), (7, 7, 8), 30, True),
        Site((132, -40, 470), (4, 20, 50), 22, True),
    ),
    "spine": (Site((0, 0, 520), (5, 5, 150), 32, False),),
}
DISEASES: tuple[dict[str, float], ...] = (
    {"neck": 3, "axilla": 2, "mediastinum": 4, "retroperitoneum": 3, "groin": 1.5, "spine": 0.5},
    {"lung": 4, "mediastinum": 4, "liver": 1, "bone": 1, "spine": 1, "neck": 0.5},
    {"liver": 6, "retroperitoneum": 2, "lung": 2, "spine": 0.4},
    {"bone": 5, "spine": 5, "axilla": 1, "liver": 1, "lung": 0.7},
)


@dataclass(frozen=True)
class Lesions:
    """The truth: which voxels are lesion, and how far (mm, negative inside) every voxel is."""

    mask: Mask
    distance: Volume
    labels: NDArray[np.int16]
    count: int


def none(canvas: Canvas) -> Lesions:
    return Lesions(
        np.zeros(canvas.shape, dtype=bool),
        np.full(canvas.shape, FAR),
        np.zeros(canvas.shape, dtype=np.int16),
        0,
    )


def grow(canvas: Canvas, frame: Frame, outline: body.Body, rng: np.random.Generator) -> Lesions:
    """Paint 1 + negative binomial (mean 6, dispersion 0.6) lesions into `canvas`.

    A place that would leave the body, touch another lesion or lie in organs hotter than the lesion
    is drawn anew, so that every lesion counted is there to be found.
    """
    found = none(canvas)
    wanted = min(MOST, 1 + int(rng.negative_binomial(0.6, 0.6 / 6.6)))
    disease = DISEASES[int(rng.integers(len(DISEASES)))]
    names, weights = list(disease), np.array(list(disease.values()))
    count = 0
    for _ in range(wanted * 30):
        if count == wanted:
            break
        region = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        count += _place(canvas, frame, outline, found, region, count + 1, rng)
    return Lesions(found.mask, found.distance, found.labels, count)


def _place(
    canvas: Canvas,
    frame: Frame,
    outline: body.Body,
    found: Lesions,
    region: str,
    label: int,
    rng: np.random.Generator,
) -> bool:
    site = SITES[region][int(rng.integers(len(SITES[region])))]
    diameter = float(np.clip(rng.lognormal(np.log(18), 0.5), 6, site.largest))
    centre = _centre(frame, site, region, rng)
    box = canvas.box(centre, 0.8 * diameter + MARGIN)
    if box is None:
        return False
    distance, share = _shape(canvas, box, centre, diameter / 2, rng)
    inside = share >= min(0.5, float(share.max()))
    clear = not found.labels[canvas.box(centre, 0.8 * diameter + 3) or box].any()
    background = float(np.median(canvas.activity[box][inside]))
    uptake = _uptake(background, rng)
    surroundings = float(np.max(canvas.activity[box][inside]))
    if not clear or (outline.skin[box][inside] > -4).any() or surroundings > 0.75 * uptake:
        return False
    cold = diameter > 40 and rng.random() < 0.15
    painted = canvas.activity[box]
    painted += share * (np.float32(uptake) - painted)
    if cold:
        _, core = _shape(canvas, box, centre, 0.3 * diameter, rng)
        painted += core * (np.float32(0.2 * uptake) - painted)
    found.mask[box] |= inside
    found.labels[box][inside] = label
    np.minimum(found.distance[box], distance, out=found.distance[box])
    return True


def _centre(frame: Frame, site: Site, region: str, rng: np.random.Generator) -> Vector:
    point = np.array(site.middle) + np.array(site.spread) * np.clip(
        rng.normal(0, 0.8, 3), -1.4, 1.4
    )
    if region == "spine":
        path = body.spine(frame)
        level = int(rng.integers(len(path) // 4, len(path)))
        return np.asarray(path[level] + rng.normal(0, 3, 3))
    if site.paired and rng.random() < 0.5:
        point[0] = -point[0]
    return frame.point(point)


def _uptake(background: float, rng: np.random.Generator) -> float:
    """SUV at a contrast of 2 to 15; few lesions are as hot as a full bladder."""
    contrast = float(np.clip(rng.lognormal(np.log(5.5), 0.5), 2, 15))
    return float(np.clip(background * contrast, 1.8, 24))


def _shape(
    canvas: Canvas, box: Box, centre: Vector, radius: float, rng: np.random.Generator
) -> tuple[Volume, Volume]:
    """Signed distance (mm) and share of each voxel of `box` inside a sphere perturbed by 15 % rms.

    The surface is r(n) = radius·(1 + 0.15·f(n)), f a sum of plane waves of unit variance over the
    directions n; the share counts 4×4×4 sub-voxels.
    """
    waves = rng.normal(0, 1.6, (6, 3)).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, 6).astype(np.float32)

    def distance(supersampling: int) -> Volume:
        x, y, u = (
            a - np.float32(c) for a, c in zip(canvas.axes(box, supersampling), centre, strict=True)
        )
        gap = np.sqrt(x**2 + y**2 + u**2)
        near = np.maximum(gap, np.float32(1e-3))
        ripple = np.zeros_like(gap)
        for wave, phase in zip(waves, phases, strict=True):
            ripple += np.cos((wave[0] * x + wave[1] * y + wave[2] * u) / near + phase)
        surface = radius * np.clip(1 + 0.15 * ripple / np.sqrt(3.0), 0.6, 1.45)
        return np.asarray(gap - surface, dtype=np.float32)

    fine = distance(SUPERSAMPLING) <= 0
    nx, ny, nz = (s.stop - s.start for s in box)
    n = SUPERSAMPLING
    share = fine.reshape(nx, n, ny, n, nz, n).mean(axis=(1, 3, 5), dtype=np.float32)
    return distance(1), share

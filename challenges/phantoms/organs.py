"""Physiological FDG uptake, organ by organ; values are SUV for the average patient."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from challenges.phantoms.canvas import (
    Canvas,
    Frame,
    Vector,
    Volume,
    resample,
    rotation,
    smooth_field,
)
from challenges.phantoms.patients import Patient

BLOOD, LIVER, SPLEEN, KIDNEY = 1.7, 2.2, 1.9, 4.0
LIVER_PLACE: Vector = np.array([66.0, 0.0, 590.0])


@dataclass(frozen=True)
class Uptake:
    """What differs from patient to patient (SUV before the patient's own scale)."""

    brain: float
    myocardium: float
    liver: float
    bladder: float
    urine: float
    bowel: float
    stomach: float
    lymphoid: float


def draw(rng: np.random.Generator) -> Uptake:
    return Uptake(
        brain=rng.uniform(8, 12),
        myocardium=float(np.exp(rng.uniform(np.log(2), np.log(10)))),
        liver=float(np.clip(rng.normal(LIVER, 0.15), 1.9, 2.5)),
        bladder=rng.uniform(15, 40),
        urine=float(rng.lognormal(np.log(7), 0.4)),
        bowel=float(np.clip(rng.lognormal(np.log(1.5), 0.35), 0.9, 3.2)),
        stomach=rng.uniform(1.2, 2.6),
        lymphoid=rng.uniform(1.6, 4.0),
    )


def paint(canvas: Canvas, patient: Patient, uptake: Uptake, rng: np.random.Generator) -> None:
    """Paint every organ, those in front last."""
    frame = patient.frame
    _vessels(canvas, frame)
    _abdomen(canvas, frame, uptake, rng)
    _bowel(canvas, frame, uptake, rng)
    _kidneys(canvas, frame, uptake, rng)
    _heart(canvas, frame, uptake, rng)
    _neck(canvas, frame, uptake, rng)
    _brain(canvas, frame, uptake, rng)
    bladder = np.array([36.0, 30, 26]) * rng.uniform(0.75, 1.2)
    canvas.ellipsoid(frame.point((0, 26, 852)), bladder, uptake.bladder, wobble=1.5)
    if patient.sex == "M":
        for side in (-1, 1):
            canvas.ellipsoid(frame.point((side * 15, 52, 936)), np.array([11.0, 14, 19]), 2.4)


def _vessels(canvas: Canvas, frame: Frame) -> None:
    def vessel(
        points: Sequence[Sequence[float]], radius: float | Sequence[float], value: float = BLOOD
    ) -> None:
        path = resample(frame.point(points), 5)
        along = np.linspace(0, 1, len(path))
        canvas.tube(
            path, np.interp(along, np.linspace(0, 1, np.size(radius)), np.atleast_1d(radius)), value
        )

    arch = [[6, 24, 480], [12, 22, 440], [0, 6, 410], [-14, -22, 414], [-22, -42, 446]]
    vessel([*arch, [-20, -40, 560], [-10, -22, 640], [-6, -12, 724]], [15, 14, 12, 12, 11, 9])
    vessel([[26, 10, 385], [27, 8, 440], [26, 6, 490]], 9)
    vessel([[24, -6, 560], [22, -12, 660], [16, -14, 735]], 10)
    vessel([[-4, 22, 492], [-8, 16, 462], [-26, 0, 462]], [14, 12, 9])
    vessel([[-4, 22, 472], [14, 0, 466], [38, -8, 470]], [11, 10, 8])
    for side in (-1, 1):
        vessel(
            [
                [side * 4, -12, 726],
                [side * 34, -10, 780],
                [side * 62, 30, 872],
                [side * 76, 30, 940],
            ],
            [8, 6, 4.5],
            1.35,
        )
        vessel([[side * 8, 14, 400], [side * 26, 4, 330], [side * 30, 6, 215]], 5, 1.15)


def _abdomen(canvas: Canvas, frame: Frame, uptake: Uptake, rng: np.random.Generator) -> None:
    texture = np.asarray(uptake.liver * (1 + 0.02 * canvas.wobble), dtype=np.float32)
    size = rng.uniform(0.95, 1.06)
    right = frame.point(LIVER_PLACE)
    for place, radii, tilt, wobble in (
        ((4, 38, 574), (74, 42, 36), -14.0, 2.5),
        (LIVER_PLACE, (70, 74, 76), 8.0, 3.0),
        ((88, -4, 628), (40, 56, 56), 0.0, 3.0),
    ):
        centre, span = frame.point(place), frame.radii(radii, 590) * size
        box = canvas.box(centre, float(span.max()) + 10)
        if box is not None:
            inside = canvas.distance(box, centre, span, rotation("y", tilt))
            canvas.fill(box, inside + np.float32(wobble) * canvas.wobble[box], texture[box])
    gall = right + np.array([-30, 52, 52])
    canvas.ellipsoid(gall, np.array([13.0, 13, 24]), 0.7)
    spleen = frame.point((-102, -42, 600)) + rng.normal(0, 3, 3)
    canvas.ellipsoid(
        spleen, frame.radii((26, 44, 50), 600) * size, SPLEEN, turn=rotation("y", 18), wobble=2
    )
    stomach = frame.point([[-52, 14, 556], [-66, 30, 600], [-46, 50, 640], [-8, 56, 654]])
    path = resample(stomach, 6)
    thick = np.interp(np.linspace(0, 1, len(path)), (0, 0.35, 1), (24, 30, 16))
    canvas.tube(path, thick, uptake.stomach)
    canvas.tube(path, thick - 7, 0.7)
    pancreas = frame.point([[36, 16, 668], [4, 22, 650], [-44, 2, 632], [-80, -18, 618]])
    canvas.tube(resample(pancreas, 6), 11, 1.35)


def _bowel(canvas: Canvas, frame: Frame, uptake: Uptake, rng: np.random.Generator) -> None:
    def patches(count: int, spread: float) -> Vector:
        level = np.interp(
            np.arange(count),
            np.arange(0, count + 8, 8),
            rng.normal(0, spread, count // 8 + 2)[: len(np.arange(0, count + 8, 8))],
        )
        return np.clip(uptake.bowel * np.exp(level), 0.6, 5.0)

    colon = np.array(
        [
            [96, 14, 790], [104, 8, 730], [100, 16, 680], [78, 52, 668], [30, 72, 706],
            [-28, 72, 704], [-84, 34, 640], [-108, -4, 668], [-108, -2, 730], [-98, 6, 786],
            [-64, 26, 812], [-30, 12, 796], [-6, -22, 822], [0, -42, 880],
        ]
    ) + rng.normal(0, 5, (14, 3))  # fmt: skip
    path = resample(frame.point(colon), 6)
    canvas.tube(path, 14 + 2 * np.sin(np.arange(len(path)) * 1.3), 1.0 * patches(len(path), 0.42))
    loops = rng.normal(0, 1, (26, 3)) * np.array([34, 15, 30]) + np.array([0, 40, 748])
    path = resample(frame.point(np.clip(loops, [-74, 8, 685], [74, 72, 812])), 6)
    canvas.tube(path, 10, 0.85 * patches(len(path), 0.30))


def _kidneys(canvas: Canvas, frame: Frame, uptake: Uptake, rng: np.random.Generator) -> None:
    cortex = KIDNEY * rng.uniform(0.75, 1.1)
    for side, u in ((1, 688), (-1, 672)):
        centre = frame.point((side * 66, -50, u)) + rng.normal(0, 3, 3)
        tilt = rotation("y", -side * 14)
        canvas.ellipsoid(centre, frame.radii((28, 25, 54), u), cortex, turn=tilt, wobble=1.5)
        pelvis = centre + np.array([-side * 16, 6, 2])
        canvas.ellipsoid(pelvis, np.array([15.0, 13, 26]), 1.1)
        strength = uptake.urine * rng.lognormal(0, 0.3)
        for height in (-26, 0, 26):
            calyx = centre + np.array([-side * (6 + rng.uniform(0, 5)), 3, height])
            canvas.ellipsoid(calyx, np.array([6.5, 7, 9]), strength * rng.uniform(0.35, 0.9))
        canvas.ellipsoid(pelvis, np.array([7.0, 7, 15]), 0.8 * strength)
        bladder = frame.point((side * 22, 4, 846))
        course = np.array(
            [
                pelvis + np.array([0, 4, 16]),
                frame.point((side * 36, -8, 735)),
                frame.point((side * 46, -22, 800)),
                bladder,
            ]
        )
        path = resample(course, 4)
        start = 0
        while start < len(path):
            length, gap = int(rng.integers(4, 12)), int(rng.integers(6, 40))
            canvas.tube(path[start : start + length], 3.6, strength * rng.uniform(0.25, 0.8))
            start += length + gap


def _heart(canvas: Canvas, frame: Frame, uptake: Uptake, rng: np.random.Generator) -> None:
    canvas.ellipsoid(frame.point((-14, 32, 520)), frame.radii((50, 44, 48), 520), 1.45, wobble=2)
    canvas.ellipsoid(frame.point((16, 40, 520)), frame.radii((24, 26, 32), 520), BLOOD)
    centre = frame.point((-42, 34, 526))
    axis = np.array([-0.72, 0.46, 0.52]) / np.linalg.norm([-0.72, 0.46, 0.52])
    across = np.cross(axis, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    turn = np.array([axis, across, np.cross(axis, across)])
    box = canvas.box(centre, 62)
    if box is None:
        return
    outer = canvas.distance(box, centre, np.array([48.0, 33, 33]), turn)
    inner = canvas.distance(box, centre, np.array([37.0, 21.5, 21.5]), turn)
    offsets = [c - np.float32(o) for c, o in zip(canvas.axes(box), centre, strict=True)]
    along, sideways, up = (
        sum(
            (np.float32(row[i]) * offsets[i] for i in range(3)),
            start=np.zeros((1, 1, 1), np.float32),
        )
        for row in turn
    )
    base = -14.0 - along
    wall = np.maximum(np.maximum(outer, -inner), base)
    angle = np.arctan2(up, sideways)
    front = np.clip((np.float32(turn[1, 1]) * sideways + np.float32(turn[2, 1]) * up) / 27, 0, 1)
    relief = 1 + 0.12 * np.cos(angle - rng.uniform(0, 2 * np.pi)) + 0.06 * canvas.wobble[box]
    relief = relief * (1 - 0.35 * front) * (1 - 0.3 * np.clip((along - 22) / 20, 0, 1))
    canvas.fill(box, np.maximum(inner, base), BLOOD)
    canvas.fill(box, wall, np.asarray(uptake.myocardium * relief, dtype=np.float32))
    if uptake.myocardium > 4:
        for part in (-1.0, 1.0):
            papillary = centre + 4 * axis + part * 14 * turn[2] + 8 * across
            canvas.ellipsoid(papillary, np.array([10.0, 5, 5]), 0.7 * uptake.myocardium, turn=turn)


def _neck(canvas: Canvas, frame: Frame, uptake: Uptake, rng: np.random.Generator) -> None:
    canvas.ellipsoid(frame.point((0, 54, 190)), np.array([21.0, 28, 13]), 1.5)
    canvas.ellipsoid(frame.point((0, 28, 258)), np.array([14.0, 8, 8]), uptake.lymphoid * 0.7)
    canvas.ellipsoid(frame.point((0, 84, 158)), np.array([14.0, 9, 8]), 1.5)
    for side in (-1, 1):
        canvas.ellipsoid(
            frame.point((side * 54, -2, 165)), np.array([9.0, 17, 22]), 0.55 * uptake.lymphoid
        )
        canvas.ellipsoid(frame.point((side * 15, 24, 196)), np.array([6.0, 8, 11]), uptake.lymphoid)
        canvas.ellipsoid(
            frame.point((side * 28, 42, 214)), np.array([9.0, 13, 9]), 0.6 * uptake.lymphoid
        )
        canvas.ellipsoid(frame.point((side * 18, 26, 280)), np.array([9.0, 8, 17]), 1.2)
        canvas.ellipsoid(frame.point((side * 32, 76, 118)), np.array([11.0, 11, 10]), 0.9)
        canvas.ellipsoid(
            frame.point((side * 36, 60, 118)), np.array([3.0, 14, 3]), 2.0 + rng.uniform(0, 2)
        )


def _brain(canvas: Canvas, frame: Frame, uptake: Uptake, rng: np.random.Generator) -> None:
    canvas.ellipsoid(frame.point((0, 4, 88)), np.array([72.0, 90, 76]), 0.5)
    stem = resample(frame.point([[0, -6, 118], [0, -16, 140], [0, -22, 170]]), 4)
    canvas.tube(stem, 11, 0.42 * uptake.brain)
    for side in (-1, 1):
        lobe = frame.point((side * 24, -42, 138))
        canvas.ellipsoid(lobe, np.array([29.0, 30, 20]), 0.72 * uptake.brain, wobble=1)
    for side in (-1, 1):
        _hemisphere(canvas, frame, uptake, side, rng)


def _hemisphere(
    canvas: Canvas, frame: Frame, uptake: Uptake, side: int, rng: np.random.Generator
) -> None:
    centre = frame.point((0, 5, 86))
    box = canvas.box(centre, (72, 90, 72))
    if box is None:
        return
    x, _, u = canvas.axes(box)
    surface = canvas.distance(box, centre, np.array([66.0, 84, 66]))
    temporal = canvas.distance(box, frame.point((side * 42, 22, 128)), np.array([22.0, 36, 20]))
    floor = u - np.float32(float(frame.point((0, 0, 122))[2]))
    half = np.minimum(np.maximum(surface, floor), temporal)
    half = np.maximum(half, np.float32(1.6) - np.float32(side) * x)
    folds: Volume = smooth_field(rng, surface.shape, canvas.voxel, 9.0)
    grey = np.clip((half + 11 + 6.5 * folds) / 3 + 0.5, 0, 1)
    regional = 1 + 0.10 * smooth_field(rng, surface.shape, canvas.voxel, 45.0)
    matter = np.float32(0.28 * uptake.brain) + grey * np.float32(0.72 * uptake.brain) * regional
    canvas.fill(box, half, np.asarray(matter, dtype=np.float32))
    canvas.ellipsoid(frame.point((side * 23, 12, 96)), np.array([8.0, 20, 12]), 0.98 * uptake.brain)
    canvas.ellipsoid(frame.point((side * 11, -8, 96)), np.array([8.0, 13, 9]), 0.92 * uptake.brain)
    canvas.ellipsoid(frame.point((side * 9, 6, 82)), np.array([5.0, 28, 8]), 0.1 * uptake.brain)

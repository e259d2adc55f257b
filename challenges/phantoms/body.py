"""The body's outline, its fat and muscle, lungs, airways and skeleton."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from challenges.phantoms.canvas import Canvas, Frame, Mask, Vector, Volume, resample, rotation
from challenges.phantoms.patients import Patient

MUSCLE, FAT, LUNG, MARROW, AIR = 0.8, 0.32, 0.4, 1.75, 0.015

# Level below the crown, half width, half depth and middle (front positive) of neck and trunk, mm.
OUTLINE = np.array(
    [
        [150, 50, 56, -8],
        [200, 54, 58, -8],
        [250, 58, 58, -10],
        [280, 74, 62, -12],
        [305, 112, 72, -10],
        [330, 156, 86, -6],
        [370, 172, 102, -2],
        [430, 166, 113, 0],
        [500, 160, 115, 0],
        [580, 152, 111, 0],
        [650, 144, 104, 0],
        [700, 146, 104, 0],
        [760, 160, 108, -3],
        [820, 172, 112, -6],
        [880, 173, 100, -8],
        [930, 168, 84, -6],
    ]
)
ARMS_UP = np.array([[165, -8, 330], [196, -2, 240], [214, 6, 120], [222, 14, -40]])
ARMS_DOWN = np.array(
    [[168, -8, 352], [202, -12, 450], [218, -18, 620], [212, 6, 780], [196, 26, 930]]
)
SPINE = np.array(
    [
        [0, -22, 185], [0, -24, 270], [0, -42, 330], [0, -64, 430],
        [0, -66, 520], [0, -54, 620], [0, -42, 700], [0, -46, 752],
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """The outline: signed distance to the skin (mm, negative inside) and the mask it bounds."""

    skin: Volume
    inside: Mask


def blend(first: Volume, second: Volume, width: float) -> Volume:
    """The union of two distances, with a fillet of about `width` mm between them."""
    share = np.maximum(np.float32(width) - np.abs(first - second), 0) / np.float32(width)
    union = np.minimum(first, second) - share**2 * np.float32(width / 4)
    return np.asarray(union, dtype=np.float32)


def outline(canvas: Canvas, patient: Patient) -> Body:
    """Head, neck, trunk, thighs and arms as one distance field."""
    frame = patient.frame
    skin = blend(_trunk(canvas, frame), _head(canvas, frame), 14)
    for side in (-1, 1):
        thigh = np.array([[side * 90, -6, 860], [side * 84, 0, 1020], [side * 78, 2, 1250]])
        skin = blend(
            skin, _limb(canvas, frame.point(thigh), frame.width * np.array([86, 76, 66])), 16
        )
        arm = (ARMS_UP if patient.arms_up else ARMS_DOWN) * np.array([side, 1, 1])
        thick = np.array([52, 46, 40, 36] if patient.arms_up else [44, 44, 38, 36, 26])
        skin = blend(skin, _limb(canvas, frame.point(arm), frame.width**0.7 * thick), 34)
        if patient.sex == "F":
            centre = frame.point((side * 76, 100, 462))
            breast = canvas.distance(_whole(canvas), centre, frame.radii((56, 42, 56), 462))
            skin = blend(skin, breast, 20)
    return Body(skin, skin <= 0)


def paint(canvas: Canvas, patient: Patient, body: Body, rng: np.random.Generator) -> None:
    """Everything that is not an organ, from the air in the room to the marrow."""
    frame, skin = patient.frame, body.skin
    fat = np.interp(
        canvas.axes()[2] / frame.stature,
        (240, 400, 700, 900),
        (4, 0.7 * patient.fat_mm, patient.fat_mm, 0.8 * patient.fat_mm),
    ).astype(np.float32)
    muscle = MUSCLE * (1 + 0.10 * canvas.wobble)
    flesh = canvas.occupancy(skin + fat + 2.5 * canvas.wobble)
    canvas.activity += AIR
    canvas.activity += canvas.occupancy(skin) * (FAT + flesh * (muscle - FAT) - AIR)
    _lungs(canvas, frame)
    _airways(canvas, frame)
    _skeleton(canvas, patient, MARROW * float(rng.lognormal(0, 0.15)), rng)


def spine(frame: Frame) -> Vector:
    """The middle line of the vertebral bodies, every 2 mm, from the neck to the sacrum."""
    return resample(frame.point(SPINE), 2.0)


def _whole(canvas: Canvas) -> tuple[slice, slice, slice]:
    nx, ny, nz = canvas.shape
    return slice(0, nx), slice(0, ny), slice(0, nz)


def _trunk(canvas: Canvas, frame: Frame) -> Volume:
    x, y, u = canvas.axes()
    level = u / frame.stature
    width, depth, middle = (
        PchipInterpolator(OUTLINE[:, 0], OUTLINE[:, column])(np.clip(level, 150, 930))
        for column in (1, 2, 3)
    )
    across, along = frame.stretch(level)
    half_x, half_y = (width * across).astype(np.float32), (depth * along).astype(np.float32)
    power = 2.35
    ring = (np.abs(x) / half_x) ** power + (np.abs(y - middle.astype(np.float32)) / half_y) ** power
    side = (ring ** (1 / power) - 1) * np.minimum(half_x, half_y)
    ends = np.maximum(150 - level, level - 925) * frame.stature
    return np.asarray(np.maximum(side, ends), dtype=np.float32)


def _head(canvas: Canvas, frame: Frame) -> Volume:
    whole = _whole(canvas)
    skull = canvas.distance(whole, frame.point((0, 8, 100)), frame.radii((77, 96, 100), 100))
    face = canvas.distance(whole, frame.point((0, 44, 160)), frame.radii((58, 58, 72), 160))
    return blend(skull, face, 24)


def _limb(canvas: Canvas, joints: Vector, radii: Vector) -> Volume:
    """Signed distance to a chain of tapering capsules (mm)."""
    position = canvas.axes()
    chain: Volume | None = None
    for a, b, thick, thin in zip(joints, joints[1:], radii, radii[1:], strict=False):
        along = b - a
        offsets = [p - np.float32(c) for p, c in zip(position, a, strict=True)]
        share = sum(
            (o * np.float32(d) for o, d in zip(offsets, along, strict=True)), start=np.float32(0)
        ) / np.float32(along @ along)
        share = np.clip(share, 0, 1)
        gap = np.sqrt(
            sum(
                ((o - share * np.float32(d)) ** 2 for o, d in zip(offsets, along, strict=True)),
                start=np.float32(0),
            )
        )
        piece = gap - np.float32(thick) - share * np.float32(thin - thick)
        chain = piece if chain is None else np.minimum(chain, piece)
    assert chain is not None  # noqa: S101
    return np.asarray(chain, dtype=np.float32)


def _lungs(canvas: Canvas, frame: Frame) -> None:
    for centre, radii, tilt in (
        ((76, -8, 452), (60, 84, 128), 5.0),
        ((-78, -10, 454), (56, 82, 130), -5.0),
    ):
        canvas.ellipsoid(
            frame.point(centre), frame.radii(radii, 452), LUNG, turn=rotation("y", tilt), wobble=3
        )


def _airways(canvas: Canvas, frame: Frame) -> None:
    trachea = resample(frame.point([[0, 8, 215], [0, 10, 270], [2, -4, 360], [4, -12, 432]]), 4)
    canvas.tube(trachea, 7.5, 0.2)
    for side in (-1, 1):
        bronchus = frame.point([[4, -12, 432], [side * 26, -16, 462], [side * 44, -18, 482]])
        canvas.tube(resample(bronchus, 4), 5.5, 0.25)
        canvas.ellipsoid(frame.point((side * 26, 62, 142)), np.array([12.0, 14, 14]), 0.15)
    canvas.ellipsoid(frame.point((0, 20, 178)), np.array([9.0, 10, 26]), 0.2)


def _skeleton(canvas: Canvas, patient: Patient, marrow: float, rng: np.random.Generator) -> None:
    frame = patient.frame
    path = spine(frame)
    canvas.tube(path[::3], np.linspace(8, 17, len(path[::3])), 0.72 * marrow)
    heights = np.concatenate([np.full(6, 15.5), np.linspace(19, 27, 12), np.linspace(29, 34, 5)])
    level = float(path[0, 2])
    for height in heights * frame.stature * (565 / 585):
        centre = path[np.argmin(np.abs(path[:, 2] - level - height / 2))]
        wide = np.interp(level / frame.stature, (190, 330, 740), (9, 13, 24))
        radii = np.array([wide, 0.78 * wide, 0.46 * height])
        canvas.ellipsoid(centre, radii, marrow * float(rng.normal(1, 0.06)))
        level += height
    canvas.ellipsoid(
        frame.point((0, -68, 800)),
        frame.radii((42, 17, 46), 800),
        0.85 * marrow,
        turn=rotation("x", -18),
    )
    canvas.tube(
        resample(frame.point([[0, 92, 395], [0, 100, 440], [0, 102, 500]]), 5), 8, 0.85 * marrow
    )
    for side in (-1, 1):
        wing = frame.point((side * 84, -32, 772))
        canvas.ellipsoid(
            wing, frame.radii((12, 46, 46), 772), 0.8 * marrow, turn=rotation("u", side * 28)
        )
        canvas.ellipsoid(
            frame.point((side * 86, -4, 858)), frame.radii((23, 23, 23), 858), 0.6 * marrow
        )
        canvas.ellipsoid(
            frame.point((side * 28, 36, 872)), frame.radii((26, 9, 9), 872), 0.6 * marrow
        )
        femur = frame.point(
            [
                [side * 88, -4, 862],
                [side * 116, -6, 892],
                [side * 104, 2, 960],
                [side * 88, 6, 1150],
            ]
        )
        canvas.tube(resample(femur, 6), 13, 0.42 * marrow)
        canvas.ellipsoid(
            frame.point((side * 160, -8, 335)), frame.radii((21, 21, 21), 335), 0.6 * marrow
        )
        _ribs(canvas, frame, side, 0.62 * marrow)


def _ribs(canvas: Canvas, frame: Frame, side: int, value: float) -> None:
    turn = np.linspace(0.12, 0.86, 24) * np.pi
    for rib in range(9):
        level = 372 + rib * 24
        half_x = np.interp(level, OUTLINE[:, 0], OUTLINE[:, 1]) - 19
        half_y = np.interp(level, OUTLINE[:, 0], OUTLINE[:, 2]) - 17
        drop = 46 * (1 - np.cos(turn)) / 2
        arc = np.stack(
            [side * half_x * np.sin(turn), -half_y * np.cos(turn), level + drop - 20], -1
        )
        canvas.tube(frame.point(arc), 4.5, value)

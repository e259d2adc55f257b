"""Draw the figure of each metric: ``python docs/draw_metric_figures.py`` writes static/metrics/.

One visual language throughout: the reference R is a solid blue outline, the prediction P a dashed
orange one; what a metric counts is filled. Numbers in a figure are those of what is drawn.
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "static" / "metrics"
WIDTH, HEIGHT = 352, 150
STYLE = """
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#182126}
.soft{fill:#52606a;font-size:11px}.big{font-size:15px;font-weight:600}.mid{text-anchor:middle}
.end{text-anchor:end}
.r{fill:none;stroke:#0a5c78;stroke-width:2.2}.p{fill:none;stroke:#b4500b;stroke-width:2.2;
stroke-dasharray:5 3.5}.tr{fill:#0a5c78;font-weight:600}.tp{fill:#b4500b;font-weight:600}
.fr{fill:#0a5c78;fill-opacity:.16}.fp{fill:#b4500b;fill-opacity:.18}
.hit{fill:#1a6637;fill-opacity:.5}.miss{fill:#9c211d;fill-opacity:.42}
.good{stroke:#1a6637;fill:none;stroke-width:4}.bad{stroke:#9c211d;fill:none;stroke-width:4}
.axis{stroke:#7c898f;stroke-width:1;fill:none}.line{stroke:#182126;stroke-width:1.6;fill:none}
.thin{stroke:#52606a;stroke-width:1;fill:none}.dot{fill:#182126}.body{fill:#7c898f;
fill-opacity:.13;stroke:#7c898f;stroke-width:1}.yes{fill:#1a6637}.no{fill:#9c211d}.faint{opacity:.3}
@media (prefers-color-scheme:dark){text{fill:#e4eaec}.soft{fill:#a0b0b7}.r{stroke:#74c5de}
.p{stroke:#f0a35a}.tr{fill:#74c5de}.tp{fill:#f0a35a}.fr{fill:#74c5de}.fp{fill:#f0a35a}
.hit{fill:#8bd6a4}.miss{fill:#f4a39e}.good{stroke:#8bd6a4}.bad{stroke:#f4a39e}.line{stroke:#e4eaec}
.thin{stroke:#a0b0b7}.dot{fill:#e4eaec}.yes{fill:#8bd6a4}.no{fill:#f4a39e}}
""".replace("\n", "")

Circle = tuple[float, float, float]
R0, P0 = (88.0, 75.0, 46.0), (124.0, 75.0, 46.0)


def circle(one: Circle, name: str, extra: str = "") -> str:
    x, y, radius = one
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{name}"{extra}/>'


def text(x: float, y: float, words: str, name: str = "") -> str:
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:g}" y="{y:g}" class="{name}">{words}</text>'


def line(x1: float, y1: float, x2: float, y2: float, name: str = "line", extra: str = "") -> str:
    return f'<line x1="{x1:.4g}" y1="{y1:.4g}" x2="{x2:.4g}" y2="{y2:.4g}" class="{name}"{extra}/>'


def box(x: float, y: float, width: float, height: float, name: str, extra: str = "") -> str:
    return (
        f'<rect x="{x:g}" y="{y:.4g}" width="{width:g}" height="{height:.4g}" '
        f'class="{name}"{extra}/>'
    )


def path(points: Iterable[tuple[float, float]], name: str, *, closed: bool = False) -> str:
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<{"polygon" if closed else "polyline"} points="{steps}" class="{name}"/>'


def arrow(x1: float, y1: float, x2: float, y2: float, name: str = "line") -> str:
    """A double-headed arrow."""
    return line(x1, y1, x2, y2, name, ' marker-start="url(#a)" marker-end="url(#a)"')


def common(one: Circle, other: Circle, name: str = "hit", key: str = "c") -> str:
    """What two circles share."""
    clip = f'<clipPath id="{key}">{circle(other, "")}</clipPath>'
    return clip + circle(one, name, f' clip-path="url(#{key})"')


def outlines(one: Circle = R0, other: Circle = P0) -> str:
    return circle(one, "r") + circle(other, "p")


def names(one: Circle = R0, other: Circle = P0) -> str:
    return text(one[0] - one[2] - 4, 26, "R", "tr end") + text(
        other[0] + other[2] + 4, 26, "P", "tp"
    )


def shared(one: Circle, other: Circle) -> float:
    """The area that two circles share."""
    (ax, ay, a), (bx, by, b) = one, other
    d = math.hypot(ax - bx, ay - by)
    if d >= a + b:
        return 0.0
    if d <= abs(a - b):
        return math.pi * min(a, b) ** 2
    first = a * a * math.acos((d * d + a * a - b * b) / (2 * d * a))
    second = b * b * math.acos((d * d + b * b - a * a) / (2 * d * b))
    root = (-d + a + b) * (d + a - b) * (d - a + b) * (d + a + b)
    return first + second - 0.5 * math.sqrt(root)


def area(one: Circle) -> float:
    return math.pi * one[2] ** 2


def result(words: str, *more: str, x: float = 192) -> str:
    lines = [text(x, 62, words, "big")]
    return "".join(lines + [text(x, 82 + 16 * n, one, "soft") for n, one in enumerate(more)])


# Overlap


def dice() -> str:
    both = shared(R0, P0)
    value = 2 * both / (area(R0) + area(P0))
    return (
        common(R0, P0)
        + outlines()
        + names()
        + result(f"Dice {value:.2f}", "twice the green", "over R plus P")
    )


def jaccard() -> str:
    both = shared(R0, P0)
    value = both / (area(R0) + area(P0) - both)
    fill = circle(R0, "fr") + circle(P0, "fr")
    return (
        fill
        + common(R0, P0)
        + outlines()
        + names()
        + result(f"Jaccard {value:.2f}", "the green over", "all that is covered")
    )


SMALL_P = (126.0, 75.0, 34.0)


def sensitivity() -> str:
    value = shared(R0, SMALL_P) / area(R0)
    return (
        circle(R0, "fr") + common(R0, SMALL_P) + outlines(R0, SMALL_P) + names(R0, SMALL_P)
        + result(f"Sensitivity {value:.2f}", "the green over R")
    )  # fmt: skip


def ppv() -> str:
    value = shared(R0, SMALL_P) / area(SMALL_P)
    return (
        circle(SMALL_P, "fp") + common(R0, SMALL_P) + outlines(R0, SMALL_P) + names(R0, SMALL_P)
        + result(f"PPV {value:.2f}", "the green over P")
    )  # fmt: skip


def petseg_score() -> str:
    both = shared(R0, SMALL_P)
    first, second = both / area(R0), both / area(SMALL_P)
    return (
        circle(R0, "fr") + circle(SMALL_P, "fp") + common(R0, SMALL_P) + outlines(R0, SMALL_P)
        + names(R0, SMALL_P)
        + result(f"PETSEG {(first + second) / 2:.2f}", f"mean of {first:.2f} (green over R)",
                 f"and {second:.2f} (green over P)")
    )  # fmt: skip


# Borders: R is a circle, P a rough outline round it.
CENTRE, RADIUS = (95.0, 76.0), 44.0


def rough(angle: float, spike: float = 0.0) -> float:
    """The radius of P at an angle; with a spike to the right."""
    wave = 6.0 * math.sin(3 * angle + 0.6) + 3.5 * math.sin(5 * angle)
    turn = math.atan2(math.sin(angle), math.cos(angle))
    return RADIUS + wave + spike * math.exp(-((turn / 0.16) ** 2))


def at(angle: float, radius: float) -> tuple[float, float]:
    return CENTRE[0] + radius * math.cos(angle), CENTRE[1] + radius * math.sin(angle)


def border(spike: float = 0.0, turns: int = 180) -> list[tuple[float, float]]:
    angles = [2 * math.pi * n / turns for n in range(turns)]
    return [at(angle, rough(angle, spike)) for angle in angles]


def both_borders(spike: float = 0.0) -> str:
    return circle((*CENTRE, RADIUS), "r") + path(border(spike), "p", closed=True) + text(
        41, 26, "R", "tr end"
    ) + text(140, 26, "P", "tp")  # fmt: skip


def spokes(spike: float, count: int, name: str = "thin") -> str:
    turns = [2 * math.pi * n / count for n in range(count)]
    return "".join(line(*at(one, RADIUS), *at(one, rough(one, spike)), name) for one in turns)


def hd() -> str:
    end = at(0.0, rough(0.0, 36))
    return both_borders(36) + arrow(CENTRE[0] + RADIUS, 76, *end) + result(
        "Hausdorff", "the largest distance", "between the borders", x=204
    )  # fmt: skip


def hd95() -> str:
    return (
        both_borders(36)
        + spokes(36, 60)
        + line(CENTRE[0] + RADIUS, 76, *at(0.0, rough(0.0, 36)), "bad")
        + result("HD95", "95 % of the distances", "are shorter, in the", "worse direction", x=204)
    )


def hd95_pooled() -> str:
    bars = [34, 62, 78, 70, 52, 36, 24, 15, 9, 6, 4, 2, 1, 1]
    parts = [
        box(24 + 11 * n, 118 - one, 9, one, "fr" if n < 9 else "miss") for n, one in enumerate(bars)
    ]
    axis = line(20, 118, 182, 118, "axis") + text(
        100, 136, "distances, both directions", "soft mid"
    )
    mark = line(122, 30, 122, 118) + text(127, 40, "95 %")
    return (
        "".join(parts) + axis + mark + result("HD95, pooled", "one distribution", "of both", x=204)
    )


def assd() -> str:
    return both_borders() + spokes(0, 72) + result("ASSD", "the mean of all", "distances", x=190)


def nsd() -> str:
    tolerance = 5.0
    band = (
        f'<circle cx="{CENTRE[0]:g}" cy="{CENTRE[1]:g}" r="{RADIUS:g}" fill="none" '
        f'stroke-width="{2 * tolerance:g}" class="r" stroke-opacity=".22"/>'
    )
    points, parts, within = border(turns=240), [], 0
    for n, point in enumerate(points):
        near = abs(rough(2 * math.pi * n / 240) - RADIUS) <= tolerance
        within += near
        parts.append(line(*point, *points[(n + 1) % 240], "good" if near else "bad"))
    middle = band.replace('class="r" ', 'stroke="#3f93ad" ')
    ring = "".join(parts)
    return (
        middle
        + f'<circle cx="95" cy="76" r="{RADIUS:g}" class="thin"/>'
        + ring
        + text(95, 80, "R ± τ", "tr mid")
        + text(150, 26, "P", "tp")
        + result(f"NSD {within / 240:.2f}", "the share of border", "within τ (the band)", x=190)
    )


# Volume


def voxels(inside: Callable[[int, int], bool], name: str, x0: float, step: float = 11) -> str:
    return "".join(
        box(x0 + step * i, 20 + step * j, step - 1.5, step - 1.5, name if inside(i, j) else "body")
        for i in range(11) for j in range(10)
    )  # fmt: skip


def mtv_ml() -> str:
    def inside(i: int, j: int) -> bool:
        return (i - 5) ** 2 + (j - 4.5) ** 2 < 14

    count = sum(inside(i, j) for i in range(11) for j in range(10))
    return voxels(inside, "fp", 24) + result(
        f"{count} voxels", "× the volume of one", "= MTV, in ml"
    )


def bars(middle: str, *words: str) -> str:
    """Volumes of R and P side by side; P is larger by a third."""
    return (
        box(40, 52, 44, 75, "fr") + box(40, 52, 44, 75, "r") + box(104, 27, 44, 100, "fp")
        + box(104, 27, 44, 100, "p") + line(28, 127, 160, 127, "axis")
        + text(62, 143, "R", "tr mid") + text(126, 143, "P", "tp mid") + line(84, 52, 162, 52, "thin")
        + arrow(158, 28, 158, 51) + result(middle, *words)
    )  # fmt: skip


def mtv_error_ml() -> str:
    return bars("P − R", "here positive: too much", "was drawn")


def mtv_abs_error_ml() -> str:
    return bars("|P − R|", "its size, whichever", "is larger")


def mtv_rel_error() -> str:
    return bars("(P − R) / R", "here +33 %")


def mtv_sym_error() -> str:
    return bars("(P − R) / mean", "here +29 %", "never beyond ±200 %")


# Lesions: a trunk with lesions of R and P.
PAIRS = (((66, 42, 13), (70, 44, 12)), ((110, 50, 9), (107, 48, 10)), ((84, 98, 15), (92, 101, 13)))
MISSED: Circle = (122, 96, 8)
VAIN: tuple[Circle, ...] = ((56, 76, 8), (118, 122, 6))


def trunk(x: float = 88, width: float = 104) -> str:
    left, right = x - width / 2, x + width / 2
    return (
        f'<path d="M{left + 14:g},12 H{right - 14:g} Q{right:g},12 {right:g},28 '
        f'L{right - 8:g},138 H{left + 8:g} L{left:g},28 Q{left:g},12 {left + 14:g},12 Z" class="body"/>'
    )


def lesions(*, found: str = "", missed: str = "", vain: str = "", faint: bool = False) -> str:
    """found fills the overlap of pairs; missed and vain fill what has no match."""
    parts = [trunk()]
    for n, (one, other) in enumerate(PAIRS):
        parts += [common(one, other, found, f"c{n}") if found else "", outlines(one, other)]
    rest = [circle(MISSED, f"{missed}") if missed else "", circle(MISSED, "r")]
    for false in VAIN:
        rest += [circle(false, vain) if vain else "", circle(false, "p")]
    dim = ' opacity=".35"' if faint else ""
    key = text(20, 26, "R", "tr") + text(20, 44, "P", "tp")
    return "".join(parts) + f"<g{dim}>" + "".join(rest) + "</g>" + key


def fpv_ml() -> str:
    return lesions(vain="miss") + result("FPV", "drawn without touching", "any lesion of R")


def fnv_ml() -> str:
    return lesions(missed="miss") + result("FNV", "lesions of R of which", "no voxel was drawn")


def lesion_f1() -> str:
    tp, fp, fn = 3, 2, 1
    return lesions(found="hit", missed="miss", vain="miss") + result(
        f"F1 {2 * tp / (2 * tp + fp + fn):.2f}", "3 found, 1 missed,", "2 drawn in vain"
    )


def lesion_sensitivity() -> str:
    return lesions(found="hit", missed="miss") + result("3 of 4", "lesions of R found")


def lesion_ppv() -> str:
    return lesions(found="hit", vain="miss") + result("3 of 5", "drawn lesions are", "lesions of R")


def lesion_fp_count() -> str:
    return lesions(vain="miss") + result("2", "drawn in vain")


def matched_dice() -> str:
    values = [2 * shared(*pair) / (area(pair[0]) + area(pair[1])) for pair in PAIRS]
    return lesions(found="hit", faint=True) + result(
        f"{sum(values) / 3:.2f}", "mean Dice of", "the 3 found lesions"
    )


def panoptic_quality() -> str:
    ious = [shared(*pair) / (area(pair[0]) + area(pair[1]) - shared(*pair)) for pair in PAIRS]
    good = [one for one in ious if one > 0.5]
    false = 5 - len(good) + 4 - len(good)
    return lesions(found="hit", missed="miss", vain="miss") + result(
        f"PQ {sum(good) / (len(good) + false / 2):.2f}",
        "IoU of the matches over",
        "TP + FP/2 + FN/2",
    )


def dmax_error_mm() -> str:
    r, p = [one for one, _ in PAIRS] + [MISSED], [one for _, one in PAIRS] + list(VAIN)

    def farthest(found: list[Circle]) -> tuple[Circle, Circle]:
        return max(
            ((a, b) for a in found for b in found),
            key=lambda pair: math.dist(pair[0][:2], pair[1][:2]),
        )

    (a, b), (c, d) = farthest(r), farthest(p)
    return lesions() + line(*a[:2], *b[:2], "r") + line(*c[:2], *d[:2], "p") + result(
        "Dmax of P − of R", "the farthest two", "lesions, centre", "to centre", x=182
    )  # fmt: skip


def bodies(first: str, second: str, words: tuple[str, str], verdict: tuple[str, str]) -> str:
    """Two patients side by side with what is drawn in them."""
    left, right = trunk(80, 84), trunk(230, 84)
    return (
        left + right + first + f'<g transform="translate(150 0)">{second}</g>'
        + text(130, 62, verdict[0], "big yes") + text(280, 62, verdict[1], "big no")
        + text(130, 80, words[0], "soft") + text(280, 80, words[1], "soft")
    )  # fmt: skip


LESION = circle((74, 60, 13), "r")
DRAWN = circle((88, 92, 11), "p")


def case_sensitivity() -> str:
    return bodies(LESION + circle((78, 62, 12), "p"), LESION, ("drawn", "none"), ("1", "0"))


def case_specificity() -> str:
    return bodies("", DRAWN, ("none", "drawn"), ("1", "0"))


# Uptake: a profile of SUV through a lesion.


def suv(x: float) -> float:
    return 12 + 78 * math.exp(-(((x - 92) / 24) ** 2)) + 14 * math.exp(-(((x - 150) / 10) ** 2))


def profile(inside: tuple[float, float], name: str, mark: str) -> str:
    low, high = inside
    curve = [(x, 120 - suv(x)) for x in range(24, 178, 2)]
    part = [
        (low, 120.0),
        *[(x, 120 - suv(x)) for x in range(int(low), int(high) + 1, 2)],
        (high, 120.0),
    ]
    reference = (72, 112)
    ends = "".join(line(x, 24, x, 120, "r") for x in reference)
    ends += "".join(line(x, 24, x, 120, "p") for x in inside)
    return (
        (path(part, name, closed=True) if name else "") + path(curve, "line") + ends
        + line(20, 120, 182, 120, "axis") + text(20, 18, "SUV", "soft") + text(92, 138, "R", "tr mid")
        + text(high + 8, 138, "P", "tp mid") + mark
    )  # fmt: skip


P_ENDS = (64.0, 126.0)


def tlg_error_g() -> str:
    return profile(P_ENDS, "fp", "") + result("TLG", "SUV × volume, summed", "over the mask", x=196)


def suv_max_error() -> str:
    mark = circle((92, 120 - suv(92), 4), "dot")
    return profile(P_ENDS, "", mark) + result("SUVmax", "the hottest voxel", "of the mask", x=196)


def suv_mean_error() -> str:
    xs = range(int(P_ENDS[0]), int(P_ENDS[1]))
    mean = sum(suv(x) for x in xs) / len(xs)
    mark = line(P_ENDS[0], 120 - mean, P_ENDS[1], 120 - mean, "good")
    return profile(P_ENDS, "fp", mark) + result("SUVmean", "the mean over", "the mask", x=196)


def suv_peak_error() -> str:
    glow = "".join(circle((92, 76, r), "fp") for r in (54, 40, 28, 17))
    return glow + circle((92, 76, 46), "p") + circle((92, 76, 20), "good") + result(
        "SUVpeak", "the hottest 1 cm³", "sphere centred in", "the mask"
    )  # fmt: skip


# The cohort

CASES = (
    ((34, 60, 22), (42, 62, 20)),
    ((98, 60, 12), (104, 58, 14)),
    ((152, 60, 18), (158, 66, 15)),
)


def dice_agg() -> str:
    parts = "".join(
        common(one, other, "hit", f"c{n}") + outlines(one, other)
        for n, (one, other) in enumerate(CASES)
    )
    top = 2 * sum(shared(*pair) for pair in CASES)
    value = top / sum(area(one) + area(other) for one, other in CASES)
    signs = text(72, 65, "+", "big mid") + text(129, 65, "+", "big mid")
    return parts + signs + text(92, 118, "all patients as one", "soft mid") + result(
        f"{value:.2f}", "twice all green", "over all R plus all P", x=196
    )  # fmt: skip


def lesion_f1_agg() -> str:
    parts = [
        circle((30, 50, 8), "r"), circle((32, 52, 8), "p"), circle((44, 78, 6), "r"),
        circle((94, 46, 7), "r"), circle((95, 48, 7), "p"), circle((108, 70, 6), "p"),
        circle((150, 60, 9), "r"), circle((152, 62, 8), "p"),
    ]  # fmt: skip
    frames = "".join(box(x, 24, 46, 78, "body") for x in (14, 77, 140))
    signs = text(68, 65, "+", "big mid") + text(132, 65, "+", "big mid")
    return frames + "".join(parts) + signs + text(100, 124, "all lesions as one", "soft mid") + result(
        f"{2 * 3 / (2 * 3 + 1 + 1):.2f}", "3 found, 1 missed,", "1 drawn in vain", x=200
    )  # fmt: skip


DIFFERENCES = (
    (30, 6),
    (44, -9),
    (58, 14),
    (72, 3),
    (84, 18),
    (98, -4),
    (112, 11),
    (128, 20),
    (142, 1),
)


def mtv_bias_ml() -> str:
    values = [one for _, one in DIFFERENCES]
    bias = sum(values) / len(values)
    spread = 1.96 * math.sqrt(sum((one - bias) ** 2 for one in values) / (len(values) - 1))
    points = "".join(circle((x, 76 - 1.6 * one, 3), "dot") for x, one in DIFFERENCES)
    lines = line(20, 76 - 1.6 * bias, 170, 76 - 1.6 * bias, "good")
    for end in (bias - spread, bias + spread):
        lines += line(20, 76 - 1.6 * end, 170, 76 - 1.6 * end, "thin", ' stroke-dasharray="4 3"')
    axes = line(20, 76, 170, 76, "axis") + line(20, 16, 20, 132, "axis")
    names_ = text(26, 24, "P − R", "soft") + text(95, 145, "volume", "soft mid")
    return lines + axes + points + names_ + result("Bias (green)", "and the limits of 95 %", x=184)


def mtv_concordance() -> str:
    points = "".join(
        circle((24 + x, 126 - 0.7 * x - 1.2 * one, 3), "dot") for x, one in DIFFERENCES
    )
    axes = line(24, 130, 172, 130, "axis") + line(24, 16, 24, 130, "axis")
    same = line(24, 130, 172, 26, "r") + text(176, 30, "P = R", "soft")
    return axes + same + points + text(98, 145, "volume of R", "soft mid") + result(
        "Concordance", "how near to the line", "on which both agree", x=190
    )  # fmt: skip


def c_index() -> str:
    def patient(y: float, radius: float, end: float, name: str) -> str:
        mark = circle((end, y, 5), "no") if name == "event" else line(end, y - 6, end, y + 6)
        return (
            circle((34, y, radius), "fp") + circle((34, y, radius), "p") + line(62, y, end, y, "thin")
            + mark + text(end + 10, y + 4, name, "soft")
        )  # fmt: skip

    return (
        patient(44, 20, 108, "event")
        + patient(104, 10, 158, "none yet")
        + line(62, 128, 200, 128, "axis")
        + text(130, 144, "time", "soft mid")
        + result("Concordant", "larger volume,", "earlier event", x=226)
    )


def auc() -> str:
    curve = [(24 + 110 * t, 128 - 110 * (t**0.38)) for t in (n / 40 for n in range(41))]
    return (
        path([(24, 128), *curve, (134, 128)], "hit", closed=True) + path(curve, "line")
        + line(24, 128, 134, 18, "thin", ' stroke-dasharray="4 3"') + line(24, 128, 138, 128, "axis")
        + line(24, 128, 24, 14, "axis") + text(80, 144, "1 − specificity", "soft mid")
        + text(140, 24, "sensitivity ↑", "soft")
        + result(f"AUC {1 / 1.38:.2f}", "the green area; 0.5", "is chance", x=184)
    )  # fmt: skip


STATED = ((0.15, 0.06), (0.35, 0.2), (0.55, 0.38), (0.75, 0.62), (0.95, 0.84))
"""Of each bin the mean of what was stated, and how often it was so."""


def expected_calibration_error() -> str:
    bars = "".join(
        box(24 + 110 * p - 9, 128 - 110 * p, 18, 110 * (p - r), "miss")
        + box(24 + 110 * p - 9, 128 - 110 * r, 18, 110 * r, "fr")
        for p, r in STATED
    )
    gap = sum(p - r for p, r in STATED) / len(STATED)
    return (
        bars + line(24, 128, 134, 18, "thin", ' stroke-dasharray="4 3"')
        + line(24, 128, 138, 128, "axis") + line(24, 128, 24, 14, "axis")
        + text(80, 144, "stated", "soft mid") + text(30, 20, "was so ↑", "soft")
        + result(f"ECE {gap:.2f}", "the mean red gap;", "0 on the diagonal", x=184)
    )  # fmt: skip


def brier() -> str:
    def curve(so: int) -> list[tuple[float, float]]:
        return [(24 + 110 * p, 128 - 100 * (p - so) ** 2) for p in (n / 40 for n in range(41))]

    return (
        path(curve(1), "r") + path(curve(0), "p") + circle((79, 103, 4), "dot")
        + line(24, 128, 138, 128, "axis") + line(24, 128, 24, 14, "axis")
        + text(80, 144, "p stated", "soft mid") + text(46, 44, "if so", "tr") + text(84, 44, "if not", "tp")
        + result("Brier", "mean of the squared", "errors; 0.25 for ½", x=184)
    )  # fmt: skip


FIGURES: dict[str, Callable[[], str]] = {
    one.__name__: one
    for one in (
        dice, jaccard, sensitivity, ppv, petseg_score, hd, hd95, hd95_pooled, assd, nsd, mtv_ml,
        mtv_error_ml, mtv_abs_error_ml, mtv_rel_error, mtv_sym_error, fpv_ml, fnv_ml, lesion_f1,
        lesion_sensitivity, lesion_ppv, lesion_fp_count, matched_dice, panoptic_quality,
        dmax_error_mm, case_sensitivity, case_specificity, tlg_error_g, suv_max_error,
        suv_mean_error, suv_peak_error, dice_agg, lesion_f1_agg, mtv_bias_ml, mtv_concordance,
        c_index, auc, expected_calibration_error, brier,
    )
}  # fmt: skip
FIGURES["correct_negative"] = case_specificity
MARKER = (
    '<marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0,0 L8,4 L0,8 z" class="dot"/></marker>'
)


def document(name: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><style>{STYLE}</style><defs>{MARKER}</defs>'
        f"{FIGURES[name]()}</svg>\n"
    )


if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    for metric in FIGURES:
        (TARGET / f"{metric}.svg").write_text(document(metric), encoding="utf-8")

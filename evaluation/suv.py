"""SUVbw from what a PET series says of itself: which rule holds, with which factor, or why not.

The rule is that of QIBA's vendor-neutral pseudo-code ("Computing SUVbw", 2018), made strict: what
it does not name is refused and not guessed. Times are on the scanner's own clock.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

LEAST_DOSE_BQ = 1e5
LONGEST_DECAY_HOURS = 4.0
USUAL_UPTAKE_MINUTES = (30.0, 120.0)
HALF_LIVES = (76.4, 122, 598, 1222, 4063, 6586, 14292, 45721, 53064, 230590, 282280, 360806)
"""In seconds, of Rb-82, O-15, N-13, C-11, Ga-68, F-18, Sc-44, Cu-64, Y-86, Y-90, Zr-89, I-124. A
range that holds Rb-82 would take the 109.8 minutes of F-18."""
_NEAR = 0.02


def _tag(name: str, default: object = None) -> Any:  # noqa: ANN401
    return field(default=default, metadata={"tag": name})


@dataclass(frozen=True)
class SliceHeader:
    """What the rule reads of one slice; None where the header has nothing.

    Numbers are NaN where the header has something that is not one number. Dates and times are
    DICOM's text (DA, TM, DT). ``radiopharmaceuticals`` counts the items of the sequence. Private
    fields are those of the vendor's own block.
    """

    series_uid: str | None = _tag("(0020,000E) SeriesInstanceUID")
    modality: str | None = _tag("(0008,0060) Modality")
    corrected_image: tuple[str, ...] = _tag("(0028,0051) CorrectedImage", ())
    units: str | None = _tag("(0054,1001) Units")
    suv_type: str | None = _tag("(0054,1006) SUVType")
    decay_correction: str | None = _tag("(0054,1102) DecayCorrection")
    slope: float | None = _tag("(0028,1053) RescaleSlope")
    intercept: float | None = _tag("(0028,1052) RescaleIntercept")
    weight_kg: float | None = _tag("(0010,1030) PatientWeight")
    radiopharmaceuticals: int = _tag("(0054,0016) RadiopharmaceuticalInformationSequence", 0)
    dose_bq: float | None = _tag("(0018,1074) RadionuclideTotalDose")
    half_life_seconds: float | None = _tag("(0018,1075) RadionuclideHalfLife")
    injection_datetime: str | None = _tag("(0018,1078) RadiopharmaceuticalStartDateTime")
    injection_time: str | None = _tag("(0018,1072) RadiopharmaceuticalStartTime")
    series_date: str | None = _tag("(0008,0021) SeriesDate")
    series_time: str | None = _tag("(0008,0031) SeriesTime")
    acquisition_date: str | None = _tag("(0008,0022) AcquisitionDate")
    acquisition_time: str | None = _tag("(0008,0032) AcquisitionTime")
    utc_offset: str | None = _tag("(0008,0201) TimezoneOffsetFromUTC")
    ge_scan_datetime: str | None = _tag("(0009,100D) PET scan_datetime of GE")
    siemens_scan_datetime: str | None = _tag("(0071,1022) Decay Correction DateTime of Siemens")
    philips_suv_factor: float | None = _tag("(7053,1000) SUV Scale Factor of Philips")
    philips_activity_factor: float | None = _tag("(7053,1009) Activity Scale Factor of Philips")


TAGS: dict[str, str] = {part.name: part.metadata["tag"] for part in fields(SliceHeader)}
"""The DICOM attribute behind each field of SliceHeader, as messages name it."""


@dataclass(frozen=True)
class Problem:
    """One reason why a series is refused: the tag, what it holds, what it should, what to do."""

    tag: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.tag}: found {self.found}; expected {self.expected}. {self.remedy}"


Headers = Sequence[SliceHeader]
Problems = list[Problem]
_Sourced = tuple[datetime | None, str]
_Parsed = TypeVar("_Parsed")


class SuvRefused(EvaluationError):
    """A series that is not converted to SUVbw, with all ``problems`` at once (code suv_refused)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("suv_refused", "\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


@dataclass(frozen=True)
class Times:
    """When the tracer was injected and the scan began, on the scanner's clock (no time zone), and
    the tags that say so; None and empty where not known."""

    injected_at: datetime | None
    injected_at_from: str
    scanned_at: datetime | None
    scanned_at_from: str
    uptake_minutes: float | None


@dataclass(frozen=True)
class Conversion:
    """How the pixel values of one series become SUVbw, for the case's conversion report.

    rule: in words. factor: SUVbw (g/ml) of one unit of stored · slope + intercept.
    factor_unit: the factor's unit. decay_seconds: Δt over which the dose is decayed, 0 for a
    series corrected to injection, None where the pixel values need no dose.
    warnings: for a person to read; none forbids use.
    """

    rule: str
    factor: float
    factor_unit: str
    decay_seconds: float | None
    times: Times
    dose_bq: float
    weight_kg: float
    half_life_seconds: float
    warnings: tuple[str, ...]


def conversion(headers: Headers) -> Conversion:
    """The one conversion of a whole series; ``headers`` are of all its slices, in any order.

    BQML: SUVbw = Bq/ml · weight_g / (dose_Bq · 2^(−Δt/T½)). CNTS: by the factors of Philips. GML:
    as it is. Raises SuvRefused.
    """
    if not headers:
        raise SuvRefused([Problem("Series", "no slice", "at least one", "Name its files.")])
    problems = [*_preconditions(headers), *_patient(headers)]
    scale, (times, unclear) = _scale(headers), _times(headers)
    if isinstance(scale, Problem):
        problems.append(scale)
    needs_dose = isinstance(scale, Problem) or scale.to_activity
    needs_times = needs_dose and headers[0].decay_correction != "ADMIN"
    if needs_times:
        problems += unclear
    if problems or isinstance(scale, Problem):
        raise SuvRefused(problems)
    weight, dose, half_life = _dose(headers[0])
    rule, factor, decay, minutes = scale.rule, scale.factor, None, times.uptake_minutes
    if needs_dose:
        decay = (minutes or 0.0) * 60.0 if needs_times else 0.0
        factor *= weight * 1000.0 / (dose * 2.0 ** (-decay / half_life))
        since = "from injection to scan (START)" if needs_times else "0 (ADMIN)"
        rule += f" · weight_g / (dose_Bq · 2^(−Δt/T½)), Δt {since}"
    warnings = [f"The uptake time is not known. {problem}" for problem in unclear]
    low, high = USUAL_UPTAKE_MINUTES
    if minutes is not None and not low <= minutes <= high:
        warnings = [f"The uptake time is {minutes:.1f} min; {low:g} to {high:g} min is usual."]
    made = (rule, factor, scale.unit, decay, times, dose, weight, half_life, tuple(warnings))
    return Conversion(*made)


def suv_of(
    stored: NDArray[np.generic], slope: float, intercept: float, conversion: Conversion
) -> NDArray[np.float32]:
    """SUVbw (g/ml) of one slice's stored values, by that slice's own slope and intercept."""
    values = stored.astype(np.float64) * slope + intercept
    return (values * conversion.factor).astype(np.float32)


def plausibility(suv: NDArray[np.floating[Any]], *, whole_body: bool = False) -> tuple[str, ...]:
    """What in an image of SUVbw (g/ml) a person should look at; empty where nothing is strange.

    The mean is judged for whole bodies alone, air included: a crop round a tumour has any mean.
    """
    if not suv.size or not np.isfinite(suv).all():
        return ("The image is empty or holds NaN or infinity; finite SUV are expected.",)
    findings = []
    lowest, high = float(suv.min()), float(np.percentile(suv, 99.99))
    mean = float(suv.mean(dtype=np.float64))
    if lowest < -0.5:
        findings.append(f"The lowest SUV is {lowest:.3g}; at least −0.5 is expected.")
    if not 2.0 <= high <= 200.0:
        findings.append(f"The 99.99th percentile of SUV is {high:.3g}; 2 to 200 is expected.")
    if whole_body and not 0.05 <= mean <= 2.0:
        findings.append(f"The mean SUV is {mean:.3g}; 0.05 to 2 is expected of a whole body.")
    return tuple(findings)


def _preconditions(headers: Headers) -> Problems:
    problems = _not_constant(headers, "series_uid", "units", "suv_type", "decay_correction")

    def every(name: str, good: Callable[[Any], bool], expected: str, remedy: str) -> None:
        bad = [header for header in headers if not good(getattr(header, name))]
        if bad:
            found = f"{_shown(bad, name)} in {len(bad)} of {len(headers)} slices"
            problems.append(Problem(TAGS[name], found, expected, remedy))

    def finite(value: float | None) -> bool:
        return value is not None and math.isfinite(value)

    again = "Export the series again from the scanner or archive."
    corrected = "Send the reconstruction corrected for attenuation and decay."
    every("modality", lambda value: value == "PT", "PT", "Name the PET series' files alone.")
    every("corrected_image", {"ATTN", "DECY"}.issubset, "ATTN and DECY among them", corrected)
    every("decay_correction", ("START", "ADMIN").__contains__, "START or ADMIN", corrected)
    every("slope", lambda value: finite(value) and value != 0, "a number other than 0", again)
    every("intercept", finite, "a number, 0 for PET", again)
    return problems


def _patient(headers: Headers) -> Problems:
    problems = _not_constant(headers, "weight_kg", "dose_bq", "half_life_seconds")
    weight, dose, half_life = _dose(headers[0])

    def refuse(name: str, expected: str, remedy: str) -> None:
        problems.append(Problem(TAGS[name], _shown(headers, name), expected, remedy))

    if any(header.radiopharmaceuticals != 1 for header in headers):
        refuse("radiopharmaceuticals", "one item", "Only one injection of one tracer is converted.")
    if not 0.0 < weight < math.inf:
        refuse("weight_kg", "more than 0 kg", "Enter the patient's weight in kg.")
    if 0.0 < dose < LEAST_DOSE_BQ:
        refuse("dose_bq", "Bq", "This is probably in MBq: multiply it by 1e6.")
    elif not LEAST_DOSE_BQ <= dose < math.inf:
        refuse("dose_bq", "the injected activity in Bq", "Enter it in Bq.")
    if not any(abs(half_life / known - 1) <= _NEAR for known in HALF_LIVES):
        expected = "that of a PET nuclide in seconds (F-18: 6586.2, Ga-68: 4062.6)"
        refuse("half_life_seconds", expected, "Enter the half-life in seconds, not in minutes.")
    return problems


def _dose(header: SliceHeader) -> tuple[float, float, float]:
    return header.weight_kg or 0.0, header.dose_bq or 0.0, header.half_life_seconds or 0.0


@dataclass(frozen=True)
class _Scale:
    """From pixel values to Bq/ml (``to_activity``) or to SUVbw."""

    rule: str
    factor: float
    unit: str
    to_activity: bool


def _scale(headers: Headers) -> _Scale | Problem:
    units, suv_type = headers[0].units, headers[0].suv_type
    remedy = "Export the series in Bq/ml (BQML); in CNTS, with Philips' private tags."
    if units == "BQML":
        # Philips' factors may stand here too: they are for CNTS, and wrong by 4.7 times in BQML.
        return _Scale("BQML: SUV = Bq/ml", 1.0, "g/ml per Bq/ml", to_activity=True)
    if units == "GML":
        if suv_type in (None, "BW"):
            return _Scale("GML: SUV = the pixel value", 1.0, "g/ml per g/ml", to_activity=False)
        return Problem(TAGS["suv_type"], _shown(headers, "suv_type"), "BW, or nothing", remedy)
    if units != "CNTS":
        return Problem(TAGS["units"], _shown(headers, "units"), "BQML, GML or CNTS", remedy)
    for name, rule, to_activity in (
        ("philips_suv_factor", "CNTS: SUV = counts · (7053,1000)", False),
        ("philips_activity_factor", "CNTS: SUV = counts · (7053,1009)", True),
    ):
        factors = {getattr(header, name) or 0.0 for header in headers}
        factor = factors.pop()
        if factors or not 0.0 <= factor < math.inf:
            expected = "one positive number, the same in every slice"
            return Problem(TAGS[name], _shown(headers, name), expected, remedy)
        if factor:
            return _Scale(rule, factor, "g/ml per count", to_activity)
    both = f"{TAGS['philips_suv_factor']}, {TAGS['philips_activity_factor']}"
    return Problem(both, "nothing or 0", "a factor in one of them, as Units is CNTS", remedy)


def _times(headers: Headers) -> tuple[Times, Problems]:
    problems = _not_constant(
        headers, "series_date", "series_time", "injection_datetime", "injection_time", "utc_offset"
    )
    scanned, scanned_from = _scan(headers, problems)
    injected, injected_from = _injection(headers[0], scanned, problems)
    uptake = None
    if not problems and injected is not None and scanned is not None:
        hours = (scanned - injected) / timedelta(hours=1)
        if 0.0 < hours < LONGEST_DECAY_HOURS:
            uptake = hours * 60.0
        else:
            found = f"injection {injected}, scan {scanned}, {hours:.2f} h later"
            expected = "a scan after the injection, by less than 4 h"
            remedy = "Compare both with the patient's record; were their dates shifted apart?"
            problems = [Problem(f"{injected_from}; {scanned_from}", found, expected, remedy)]
    times = Times(injected, injected_from, scanned, scanned_from, uptake)
    return times, list(dict.fromkeys(problems))  # one missing date can stand behind two times


def _scan(headers: Headers, problems: Problems) -> _Sourced:
    series = _moment(headers[0], "series_date", "series_time", problems)
    parts, unread = ("acquisition_date", "acquisition_time"), Problems()
    moments = [_moment(header, *parts, unread) for header in headers]
    problems += {problem.tag: problem for problem in unread}.values()
    acquired = [moment for moment in moments if moment is not None]
    if series is None or unread:
        return None, ""
    if series <= min(acquired):
        return series, f"{TAGS['series_date']} and {TAGS['series_time']}"
    # A post-processed series has the time of its processing: here alone vendors' own tags count.
    for name in ("ge_scan_datetime", "siemens_scan_datetime"):
        if any(getattr(header, name) for header in headers):
            problems += _not_constant(headers, name)
            return _stamp(headers[0], name, problems), TAGS[name]
    return min(acquired), f"earliest {TAGS['acquisition_date']} and {TAGS['acquisition_time']}"


def _injection(header: SliceHeader, scan: datetime | None, problems: Problems) -> _Sourced:
    if header.injection_datetime:
        return _stamp(header, "injection_datetime", problems), TAGS["injection_datetime"]
    if not header.injection_time:
        tag = f"{TAGS['injection_datetime']} or {TAGS['injection_time']}"
        problems.append(Problem(tag, "nothing", "a time", "Enter the time of injection."))
        return None, ""
    source = f"{TAGS['injection_time']} on {TAGS['series_date']}"
    injected_at = _moment(header, "series_date", "injection_time", problems)
    if injected_at is not None and scan is not None and injected_at > scan:
        return injected_at - timedelta(days=1), f"{source}, one day earlier"
    return injected_at, source


def _moment(header: SliceHeader, day_of: str, time_of: str, problems: Problems) -> datetime | None:
    day = _read(header, day_of, _day, "a date, YYYYMMDD", problems)
    clock = _read(header, time_of, _clock, "a time, HHMMSS", problems)
    return None if day is None or clock is None else day + clock


def _stamp(header: SliceHeader, name: str, problems: Problems) -> datetime | None:
    """A date and time on the series' clock, which may have another offset from UTC."""
    expected = "a date and time, YYYYMMDDHHMMSS"
    moment, own = _read(header, name, _day_and_clock, expected, problems) or (None, None)
    if moment is None or own is None:
        return moment
    # Without the series' own offset nobody knows how many hours lie between the two clocks.
    expected = f"the offset of the series' times, +HHMM, as {TAGS[name]} has one"
    offset = _read(header, "utc_offset", _offset, expected, problems)
    return None if offset is None else moment - own + offset


def _read(
    header: SliceHeader, name: str, parse: Callable[[str], _Parsed], expected: str, into: Problems
) -> _Parsed | None:
    try:
        return parse((getattr(header, name) or "").strip())  # DICOM pads with spaces
    except ValueError:
        into.append(Problem(TAGS[name], _shown([header], name), expected, "Correct it."))
        return None


def _groups(pattern: str, text: str) -> tuple[str, ...]:
    match = re.fullmatch(pattern, text, re.ASCII)
    if match is None:
        raise ValueError(text)
    return match.groups(default="")


def _day(text: str) -> datetime:
    year, month, day = _groups(r"((?:19|20)\d\d)(\d\d)(\d\d)", text)
    return datetime.combine(date(int(year), int(month), int(day)), time())


def _clock(text: str) -> timedelta:
    pattern = r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(\.\d{1,6})?)?)?"
    hours, minutes, seconds, fraction = (float(part or 0) for part in _groups(pattern, text))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds + fraction)


def _offset(text: str) -> timedelta:
    sign, hours, minutes = _groups(r"([+-])(0\d|1[0-4])([0-5]\d)", text)
    return timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)


def _day_and_clock(text: str) -> tuple[datetime, timedelta | None]:
    day, clock, offset = _groups(r"(\d{8})([\d.]+)([+-]\d{4})?", text)
    return _day(day) + _clock(clock), _offset(offset) if offset else None


def _not_constant(headers: Headers, *names: str) -> Problems:
    expected, remedy = "one value in the whole series", "Name the files of one series alone."
    return [
        Problem(TAGS[name], _shown(headers, name), expected, remedy)
        for name in names
        if len({repr(getattr(header, name)) for header in headers}) > 1  # NaN is equal to NaN here
    ]


def _shown(headers: Headers, name: str) -> str:
    values = list(dict.fromkeys(_in_words(getattr(header, name)) for header in headers))
    more = f" and {len(values) - 4} more" if len(values) > 4 else ""
    return ", ".join(values[:4]) + more


def _in_words(value: object) -> str:
    if value in (None, "", ()):
        return "nothing"
    return " ".join(value) if isinstance(value, tuple) else str(value)[:80]

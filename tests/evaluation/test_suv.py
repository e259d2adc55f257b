"""DICOM PET to SUVbw: every branch of the rule by hand, every refusal, four published factors."""

import json
import math
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import EvaluationError
from evaluation.suv import (
    TAGS,
    Conversion,
    SliceHeader,
    SuvRefused,
    conversion,
    plausibility,
    suv_of,
)

NAN = math.nan
HOUR = SliceHeader(
    series_uid="1.2.3",
    modality="PT",
    corrected_image=("NORM", "ATTN", "DECY"),
    units="BQML",
    decay_correction="START",
    slope=2.0,
    intercept=0.0,
    weight_kg=70.0,
    radiopharmaceuticals=1,
    dose_bq=350e6,
    half_life_seconds=3600.0 * 1.83,
    injection_time="100000",
    series_date="20240229",
    series_time="110000",
    acquisition_date="20240229",
    acquisition_time="110000",
)
"""An hour between injection and scan."""
DECAYED = 70_000.0 / (350e6 * 2.0 ** (-1.0 / 1.83))
UNDECAYED = 70_000.0 / 350e6


def of(**changes: Any) -> Conversion:
    return conversion([replace(HOUR, **changes)])


def problems(*headers: SliceHeader) -> list[str]:
    with pytest.raises(SuvRefused) as refused:
        conversion(headers)
    assert refused.value.code == "suv_refused"
    return [str(problem) for problem in refused.value.problems]


def problem(**changes: Any) -> str:
    (only,) = problems(replace(HOUR, **changes))
    return only


def clock(hour: int, minute: int = 0, second: int = 0, *, day: int = 29) -> datetime:
    return datetime.fromisoformat(f"2024-02-{day:02}T{hour:02}:{minute:02}:{second:02}")


# What becomes SUV, and by which factor


def test_start_decays_the_dose_from_injection_to_scan() -> None:
    found = of()
    assert found.factor == pytest.approx(DECAYED, rel=1e-12)
    assert found.decay_seconds == 3600.0
    assert found.factor_unit == "g/ml per Bq/ml"
    assert "BQML" in found.rule
    assert "START" in found.rule
    assert found.warnings == ()


def test_a_report_says_where_every_number_comes_from() -> None:
    found = of()
    assert (found.dose_bq, found.weight_kg) == (350e6, 70.0)
    assert found.half_life_seconds == pytest.approx(6588.0)
    assert found.times.injected_at == clock(10)
    assert found.times.injected_at_from == (
        "(0018,1072) RadiopharmaceuticalStartTime on (0008,0021) SeriesDate"
    )
    assert found.times.scanned_at == clock(11)
    assert found.times.scanned_at_from == "(0008,0021) SeriesDate and (0008,0031) SeriesTime"
    assert found.times.uptake_minutes == pytest.approx(60.0)


def test_admin_does_not_decay_the_dose_and_still_tells_the_uptake_time() -> None:
    found = of(decay_correction="ADMIN")
    assert found.factor == pytest.approx(UNDECAYED, rel=1e-12)
    assert found.decay_seconds == 0.0
    assert found.times.uptake_minutes == pytest.approx(60.0)
    assert "ADMIN" in found.rule


def test_admin_needs_no_times_but_says_that_the_uptake_time_is_not_known() -> None:
    found = of(decay_correction="ADMIN", injection_time=None, series_time="later")
    assert found.factor == pytest.approx(UNDECAYED, rel=1e-12)
    assert found.times.uptake_minutes is None
    assert any("(0018,1072)" in warning for warning in found.warnings)
    assert any("(0008,0031)" in warning for warning in found.warnings)


@pytest.mark.parametrize("suv_type", [None, "BW"])
def test_gml_is_suv_already(suv_type: str | None) -> None:
    found = of(units="GML", suv_type=suv_type)
    assert found.factor == 1.0
    assert found.decay_seconds is None
    assert found.times.uptake_minutes == pytest.approx(60.0)


def test_gml_without_times_is_converted_with_a_warning() -> None:
    found = of(units="GML", acquisition_time=None)
    assert found.factor == 1.0
    (warning,) = found.warnings
    assert "(0008,0032) AcquisitionTime" in warning


@pytest.mark.parametrize("activity", [None, 0.0, 4.7])
def test_counts_of_philips_take_the_suv_factor_first(activity: float | None) -> None:
    found = of(units="CNTS", philips_suv_factor=0.000728, philips_activity_factor=activity)
    assert found.factor == 0.000728
    assert found.decay_seconds is None
    assert "(7053,1000)" in found.rule


@pytest.mark.parametrize("absent", [None, 0.0])
def test_counts_of_philips_go_on_as_activity_where_the_suv_factor_is_absent_or_zero(
    absent: float | None,
) -> None:
    found = of(units="CNTS", philips_suv_factor=absent, philips_activity_factor=4.7)
    assert found.factor == pytest.approx(4.7 * DECAYED, rel=1e-12)
    assert found.decay_seconds == 3600.0
    assert "(7053,1009)" in found.rule


def test_counts_as_activity_corrected_to_injection_are_not_decayed() -> None:
    found = of(units="CNTS", philips_activity_factor=4.7, decay_correction="ADMIN")
    assert found.factor == pytest.approx(4.7 * UNDECAYED, rel=1e-12)


@pytest.mark.parametrize("factor", [4.7, -1.0, NAN])
def test_bqml_ignores_the_factors_of_philips(factor: float) -> None:
    found = of(philips_suv_factor=factor, philips_activity_factor=factor)
    assert found.factor == of().factor


def test_pixels_are_scaled_by_their_own_slices_slope_and_intercept() -> None:
    stored = np.array([[0, 100], [-32768, 32767]], np.int16)
    suv = suv_of(stored, 2.5, 10.0, of(units="CNTS", philips_suv_factor=0.5))
    assert suv.dtype == np.float32
    np.testing.assert_array_equal(suv, [[5.0, 130.0], [-40955.0, 40963.75]])


@given(
    weight=st.floats(1, 300),
    dose=st.floats(1e6, 1e9),
    minutes=st.integers(1, 239),
    more=st.floats(1.01, 3),
)
def test_suv_grows_with_weight_and_uptake_and_falls_with_dose(
    weight: float, dose: float, minutes: int, more: float
) -> None:
    time = f"{10 + minutes // 60:02}{minutes % 60:02}"
    at = {"series_time": time, "acquisition_time": time}
    here = of(weight_kg=weight, dose_bq=dose, **at).factor
    assert of(weight_kg=weight * more, dose_bq=dose, **at).factor == pytest.approx(here * more)
    assert of(weight_kg=weight, dose_bq=dose * more, **at).factor == pytest.approx(here / more)
    assert of(weight_kg=weight, dose_bq=dose, decay_correction="ADMIN", **at).factor < here


# When the tracer was injected


def test_the_date_and_time_of_injection_come_before_the_time_alone() -> None:
    found = of(injection_datetime="20240229101500", injection_time="090000")
    assert found.times.injected_at == clock(10, 15)
    assert found.times.injected_at_from == "(0018,1078) RadiopharmaceuticalStartDateTime"


def test_an_unreadable_date_and_time_of_injection_is_not_replaced_by_the_time_alone() -> None:
    assert "(0018,1078)" in problem(injection_datetime="20240229")


def test_an_injection_before_midnight_is_on_the_day_before_the_series() -> None:
    found = of(injection_time="233000", series_time="003000", acquisition_time="003000")
    assert found.times.injected_at == clock(23, 30, day=28)
    assert found.times.injected_at_from.endswith("one day earlier")
    assert found.decay_seconds == 3600.0
    assert found.factor == pytest.approx(DECAYED, rel=1e-12)


def test_a_date_and_time_of_injection_before_midnight_is_as_it_says() -> None:
    at = {"series_time": "003000", "acquisition_time": "003000"}
    assert of(injection_datetime="20240228233000", **at).decay_seconds == 3600.0


def test_a_date_and_time_of_injection_after_the_scan_is_not_moved_by_a_day() -> None:
    told = problem(
        injection_datetime="20240229233000", series_time="003000", acquisition_time="003000"
    )
    assert "(0018,1078)" in told
    assert "-23.00 h" in told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 3600.0),
        ("1030", 1800.0),
        ("103015", 1785.0),
        ("103015.5", 1784.5),
        ("103015.250000", 1784.75),
        ("103015.00 ", 1785.0),
        ("103060", 1740.0),  # a leap second
    ],
)
def test_times_may_be_short_or_have_fractions(text: str, seconds: float) -> None:
    assert of(injection_time=text).decay_seconds == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["1", "103", "10:30:00", "240000", "106000", "1030.5", "٠٩٠٠٠٠"])
def test_a_malformed_time_is_refused(text: str) -> None:
    told = problem(injection_time=text)
    assert "(0018,1072) RadiopharmaceuticalStartTime" in told
    assert text in told


@pytest.mark.parametrize("text", ["2024-02-29", "20240230", "2024.02.29", "240229", "00000000"])
def test_a_malformed_date_is_refused_once(text: str) -> None:
    assert "(0008,0021) SeriesDate" in problem(series_date=text)


@pytest.mark.parametrize(
    ("text", "series_offset", "seconds"),
    [
        ("20240229100000", None, 3600.0),
        ("2024022910", None, 3600.0),
        ("20240229100000.500000", None, 3599.5),
        ("20240229100000.00 ", None, 3600.0),
        ("20240229100000", "+0100", 3600.0),  # without its own, it has the series' offset
        ("20240229100000+0100", "+0100", 3600.0),
        ("20240229090000+0000", "+0100", 3600.0),
        ("20240229090000.5+0000", "+0100", 3599.5),
        ("20240229153000+0530", "+0000", 3600.0),
        ("20240229043000-0500", "+0030", 3600.0),
        ("20240229150000+0530", "-0030", 7200.0),
        ("20240301000000+1400", "+0000", 3600.0),
    ],
)
def test_an_offset_from_utc_is_taken_into_account(
    text: str, series_offset: str | None, seconds: float
) -> None:
    found = of(injection_datetime=text, utc_offset=series_offset)
    assert found.decay_seconds == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("series_offset", [None, "0100", "+1", "+2500"])
def test_an_offset_from_utc_is_refused_where_the_series_has_none(series_offset: str | None) -> None:
    told = problem(injection_datetime="20240229090000+0000", utc_offset=series_offset)
    assert told.startswith("(0008,0201) TimezoneOffsetFromUTC")
    assert "(0018,1078)" in told


@pytest.mark.parametrize("text", ["20240229", "202402291000+01", "20240229100000+9900", "now"])
def test_a_malformed_date_and_time_is_refused(text: str) -> None:
    assert "(0018,1078)" in problem(injection_datetime=text, utc_offset="+0100")


# When the scan began


def slices_at(*times: str, **changes: Any) -> list[SliceHeader]:
    return [replace(HOUR, acquisition_time=time, **changes) for time in times]


def test_the_series_time_counts_where_no_slice_was_acquired_before_it() -> None:
    found = conversion(slices_at("113000", "110000", "112000", ge_scan_datetime="20240229103000"))
    assert found.decay_seconds == 3600.0
    assert "SeriesTime" in found.times.scanned_at_from


def test_the_earliest_slice_counts_where_the_series_is_later_and_no_vendor_says_more() -> None:
    found = conversion(slices_at("105500", "104500", "105000"))
    assert found.times.scanned_at == clock(10, 45)
    assert "earliest (0008,0022) AcquisitionDate" in found.times.scanned_at_from


def test_five_microseconds_after_the_first_slice_are_after_it() -> None:
    found = conversion(slices_at("105959.999995"))
    assert found.decay_seconds == pytest.approx(3599.999995, abs=1e-7)
    assert "earliest" in found.times.scanned_at_from


def test_the_date_of_acquisition_counts_and_not_its_time_alone() -> None:
    found = of(series_date="20240301", series_time="090000", injection_datetime="20240229100000")
    assert found.decay_seconds == 3600.0
    assert "earliest" in found.times.scanned_at_from


@pytest.mark.parametrize("field", ["ge_scan_datetime", "siemens_scan_datetime"])
def test_a_processed_series_takes_its_vendors_time_of_the_scan(field: str) -> None:
    found = conversion(slices_at("105500", "105000", **{field: "20240229104000.00"}))
    assert found.times.scanned_at == clock(10, 40)
    assert found.times.scanned_at_from == TAGS[field]


def test_ge_comes_before_siemens() -> None:
    found = of(
        acquisition_time="105000",
        ge_scan_datetime="20240229104000",
        siemens_scan_datetime="20240229104500",
    )
    assert found.times.scanned_at == clock(10, 40)


def test_a_vendors_time_that_cannot_be_read_is_not_passed_over() -> None:
    told = problem(acquisition_time="105000", siemens_scan_datetime="then")
    assert "(0071,1022)" in told


def test_a_vendors_date_that_was_shifted_apart_is_refused() -> None:
    told = problem(
        acquisition_time="105000",
        siemens_scan_datetime="20240228105000",
        injection_datetime="20240229100000",
    )
    assert "(0071,1022)" in told
    assert "dates shifted apart" in told


def test_a_vendors_time_must_be_one_for_all_slices() -> None:
    first = replace(HOUR, acquisition_time="105000", ge_scan_datetime="20240229104000")
    told = problems(first, replace(first, ge_scan_datetime="20240229104100"))
    assert any("(0009,100D)" in text and "one value" in text for text in told)


# Sanity of the times


@pytest.mark.parametrize("injected", ["070000", "065959", "110001"])
def test_a_scan_four_hours_after_the_injection_or_more_is_refused(injected: str) -> None:
    told = problem(injection_time=injected)
    assert "less than 4 h" in told
    assert "(0018,1072)" in told
    assert "SeriesTime" in told


def test_a_scan_just_within_four_hours_is_taken() -> None:
    assert of(injection_time="070001").decay_seconds == 4 * 3600.0 - 1.0


def test_injection_and_scan_at_the_same_moment_are_refused() -> None:
    assert "0.00 h" in problem(injection_time="110000")


@pytest.mark.parametrize(
    ("injected", "strange"),
    [("103000", False), ("103001", True), ("090000", False), ("085959", True)],
)
def test_an_unusual_uptake_time_is_a_warning(injected: str, strange: bool) -> None:
    assert bool(of(injection_time=injected).warnings) is strange


# What is refused, and by which tag


@pytest.mark.parametrize(
    ("changes", "tag", "text"),
    [
        ({"modality": "CT"}, "(0008,0060) Modality", "CT"),
        ({"modality": None}, "(0008,0060) Modality", "nothing"),
        ({"corrected_image": ("NORM", "DECY")}, "(0028,0051) CorrectedImage", "NORM DECY"),
        ({"corrected_image": ("ATTN",)}, "(0028,0051) CorrectedImage", "DECY"),
        ({"corrected_image": ()}, "(0028,0051) CorrectedImage", "nothing"),
        ({"units": "CM2ML"}, "(0054,1001) Units", "CM2ML"),
        ({"units": None}, "(0054,1001) Units", "BQML"),
        ({"units": "GML", "suv_type": "LBM"}, "(0054,1006) SUVType", "LBM"),
        ({"units": "CNTS"}, "(7053,1000)", "(7053,1009)"),
        ({"units": "CNTS", "philips_suv_factor": 0.0}, "(7053,1000)", "(7053,1009)"),
        ({"units": "CNTS", "philips_suv_factor": -1.0}, "(7053,1000)", "positive"),
        ({"units": "CNTS", "philips_suv_factor": NAN}, "(7053,1000)", "positive"),
        ({"units": "CNTS", "philips_activity_factor": math.inf}, "(7053,1009)", "positive"),
        ({"decay_correction": "NONE"}, "(0054,1102) DecayCorrection", "START or ADMIN"),
        ({"decay_correction": "NONE", "units": "GML"}, "(0054,1102) DecayCorrection", "NONE"),
        ({"decay_correction": None}, "(0054,1102) DecayCorrection", "nothing"),
        ({"slope": None}, "(0028,1053) RescaleSlope", "1 of 1 slices"),
        ({"slope": 0.0}, "(0028,1053) RescaleSlope", "0.0"),
        ({"slope": NAN}, "(0028,1053) RescaleSlope", "nan"),
        ({"intercept": None}, "(0028,1052) RescaleIntercept", "nothing"),
        ({"intercept": math.inf}, "(0028,1052) RescaleIntercept", "inf"),
        ({"weight_kg": None}, "(0010,1030) PatientWeight", "more than 0 kg"),
        ({"weight_kg": 0.0}, "(0010,1030) PatientWeight", "more than 0 kg"),
        ({"weight_kg": -70.0}, "(0010,1030) PatientWeight", "-70"),
        ({"weight_kg": NAN}, "(0010,1030) PatientWeight", "kg"),
        ({"dose_bq": None}, "(0018,1074) RadionuclideTotalDose", "nothing"),
        ({"dose_bq": 0.0}, "(0018,1074) RadionuclideTotalDose", "Bq"),
        ({"dose_bq": 350.0}, "(0018,1074) RadionuclideTotalDose", "probably in MBq"),
        ({"dose_bq": 99_999.0}, "(0018,1074) RadionuclideTotalDose", "probably in MBq"),
        ({"dose_bq": NAN}, "(0018,1074) RadionuclideTotalDose", "Bq"),
        ({"half_life_seconds": None}, "(0018,1075) RadionuclideHalfLife", "nothing"),
        ({"half_life_seconds": 109.77}, "(0018,1075) RadionuclideHalfLife", "not in minutes"),
        ({"half_life_seconds": 67.71}, "(0018,1075) RadionuclideHalfLife", "not in minutes"),
        ({"half_life_seconds": 78.41}, "(0018,1075) RadionuclideHalfLife", "seconds"),
        ({"half_life_seconds": NAN}, "(0018,1075) RadionuclideHalfLife", "nan"),
        ({"radiopharmaceuticals": 0}, "(0054,0016)", "one item"),
        ({"radiopharmaceuticals": 2}, "(0054,0016)", "2"),
        ({"injection_time": None}, "(0018,1078)", "(0018,1072)"),
        ({"series_date": None}, "(0008,0021) SeriesDate", "nothing"),
        ({"series_time": None}, "(0008,0031) SeriesTime", "nothing"),
        ({"acquisition_date": None}, "(0008,0022) AcquisitionDate", "nothing"),
        ({"acquisition_time": ""}, "(0008,0032) AcquisitionTime", "nothing"),
    ],
)
def test_a_refusal_names_the_tag_and_what_it_holds(
    changes: dict[str, Any], tag: str, text: str
) -> None:
    told = problem(**changes)
    assert tag in told
    assert text in told
    assert "; expected " in told


@pytest.mark.parametrize(
    "seconds", [6586.2, 6586.2001953125, 6588.0, 4057.74, 4080.0, 1223.4, 598.0, 282240.0, 45720.0]
)
def test_the_half_lives_that_scanners_write_are_taken(seconds: float) -> None:
    assert of(half_life_seconds=seconds).half_life_seconds == seconds


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("series_uid", "1.2.4"),
        ("units", "GML"),
        ("suv_type", "BW"),
        ("decay_correction", "ADMIN"),
        ("weight_kg", 71.0),
        ("dose_bq", 351e6),
        ("half_life_seconds", 6586.2),
        ("injection_datetime", "20240229100000"),
        ("injection_time", "100001"),
        ("series_date", "20240301"),
        ("series_time", "110001"),
        ("utc_offset", "+0100"),
    ],
)
def test_a_series_has_one_value_of_what_describes_it(field: str, other: object) -> None:
    (told,) = problems(HOUR, replace(HOUR, **{field: other}))  # type: ignore[arg-type]
    assert TAGS[field] in told
    assert str(other) in told
    assert "one value in the whole series" in told


@pytest.mark.parametrize("field", ["philips_suv_factor", "philips_activity_factor"])
def test_counts_have_one_factor(field: str) -> None:
    first = replace(HOUR, units="CNTS", **{field: 2.0})  # type: ignore[arg-type]
    for other in (2.5, None):
        (told,) = problems(first, replace(first, **{field: other}))  # type: ignore[arg-type]
        assert TAGS[field] in told


def test_slope_intercept_and_time_of_acquisition_may_differ_between_slices() -> None:
    other = replace(HOUR, slope=7.0, intercept=-1.0, acquisition_time="113000")
    assert conversion([HOUR, other]) == conversion([other, HOUR]) == of()


def test_one_bad_slice_among_many_is_counted() -> None:
    (told,) = problems(*[HOUR] * 9, replace(HOUR, corrected_image=("NORM",)))
    assert "1 of 10 slices" in told


def test_all_problems_are_told_at_once() -> None:
    told = problems(
        replace(
            HOUR,
            modality="CT",
            corrected_image=(),
            units="PROPCPS",
            decay_correction="NONE",
            slope=None,
            weight_kg=None,
            dose_bq=350.0,
            half_life_seconds=110.0,
            injection_time=None,
            acquisition_time="noon",
        )
    )
    for tag in ("0060", "0051", "1001", "1102", "1053", "1030", "1074", "1075", "1072", "0032"):
        assert sum(f",{tag})" in text for text in told) == 1, tag
    assert len(told) == 10


def test_the_text_of_a_refusal_holds_every_problem() -> None:
    with pytest.raises(EvaluationError) as refused:
        of(weight_kg=None, modality="CT")
    assert "(0010,1030)" in refused.value.message
    assert "(0008,0060)" in refused.value.message


def test_a_thousand_slices_without_a_time_are_one_problem() -> None:
    (told,) = problems(*slices_at(*(f"later {number}" for number in range(1000))))
    assert "(0008,0032)" in told


ANY_NUMBER = st.none() | st.floats()
ANY_TEXT = (
    st.none() | st.text(max_size=20) | st.from_regex(r"\A[0-9]{4,14}(\.[0-9]+)?([+-][0-9]{4})?\Z")
)


@given(
    numbers=st.lists(ANY_NUMBER, min_size=7, max_size=7),
    texts=st.lists(ANY_TEXT, min_size=9, max_size=9),
    units=st.sampled_from([None, "BQML", "GML", "CNTS"]),
    decay=st.sampled_from([None, "START", "ADMIN", "NONE"]),
)
def test_any_header_is_converted_or_refused(
    numbers: list[float | None],
    texts: list[str | None],
    units: str | None,
    decay: str | None,
) -> None:
    fields = ("slope", "intercept", "weight_kg", "dose_bq", "half_life_seconds")
    factors = ("philips_suv_factor", "philips_activity_factor")
    dates = ("series_date", "acquisition_date", "injection_datetime", "utc_offset")
    times = ("series_time", "acquisition_time", "injection_time")
    vendors = ("ge_scan_datetime", "siemens_scan_datetime")
    held = dict(zip((*fields, *factors), numbers, strict=True))
    said = dict(zip((*dates, *times, *vendors), texts, strict=True))
    header = replace(HOUR, units=units, decay_correction=decay)
    with suppress(SuvRefused):
        conversion([replace(header, **held)])  # type: ignore[arg-type]
    with suppress(SuvRefused):
        conversion([replace(header, **said)])  # type: ignore[arg-type]


def test_a_series_without_slices_is_refused() -> None:
    assert problems() == ["Series: found no slice; expected at least one. Name its files."]


# Whether the result looks like SUV


def test_a_plausible_image_has_no_findings() -> None:
    suv = np.full((10, 100, 100), 0.5, np.float32)
    suv[0, :10] = 8.0
    assert plausibility(suv) == plausibility(suv, whole_body=True) == ()


@pytest.mark.parametrize(
    ("lowest", "highest", "text"),
    [(-0.6, 8.0, "lowest"), (0.0, 1.9, "percentile"), (0.0, 201.0, "percentile")],
)
def test_what_is_no_suv_is_found(lowest: float, highest: float, text: str) -> None:
    suv = np.full((10, 100, 100), 0.5, np.float32)
    suv[0, 0, 0], suv[0, 1:11] = lowest, highest
    (finding,) = plausibility(suv)
    assert text in finding


def test_a_single_hot_voxel_is_no_finding() -> None:
    suv = np.full((10, 100, 1000), 3.0, np.float32)
    suv[0, 0, 0] = 1e6
    assert plausibility(suv) == ()


@pytest.mark.parametrize("mean", [0.04, 2.5])
def test_the_mean_is_judged_for_whole_bodies_alone(mean: float) -> None:
    suv = np.full((10, 100, 100), mean, np.float32)
    suv[0, 0, :50] = 3.0
    assert plausibility(suv) == ()
    (finding,) = plausibility(suv, whole_body=True)
    assert "mean" in finding


@pytest.mark.parametrize("suv", [np.zeros((0, 2, 2)), np.array([[[1.0, NAN]]])])
def test_an_empty_image_or_one_with_nan_is_found(suv: np.ndarray) -> None:
    (finding,) = plausibility(suv)
    assert "NaN" in finding


# Published factors of real headers


def real_header(instance: dict[str, Any]) -> SliceHeader:
    philips = instance["PhilipsPETPrivateGroup"]

    def factor(name: str) -> float | None:
        return float(philips[name]) if name in philips else None

    return SliceHeader(
        modality="PT",  # these headers are an excerpt: modality and scaling are not in it
        slope=1.0,
        intercept=0.0,
        radiopharmaceuticals=1,
        corrected_image=tuple(instance["CorrectedImage"]),
        units=instance["Units"],
        decay_correction=instance["DecayCorrection"],
        weight_kg=float(instance["PatientWeight"]),
        dose_bq=float(instance["RadionuclideTotalDose"]),
        half_life_seconds=float(instance["RadionuclideHalfLife"]),
        injection_datetime=instance.get("RadiopharmaceuticalStartDateTime"),
        injection_time=instance["RadiopharmaceuticalStartTime"],
        series_date=instance["SeriesDate"],
        series_time=instance["SeriesTime"],
        acquisition_date=instance["AcquisitionDate"],
        acquisition_time=instance["AcquisitionTime"],
        philips_suv_factor=factor("SUVScaleFactor"),
        philips_activity_factor=factor("ActivityConcentrationScaleFactor"),
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "scanned_at_from"),
    [
        ("PHILIPS_BQML", "SeriesTime"),
        ("PHILIPS_CNTS_AND_SUV", "SeriesTime"),
        ("GE_MEDICAL_AND_BQML", "SeriesTime"),
        ("BQML_AC_DT_lessThan_S_DT_SIEMENS", "earliest"),
    ],
)
def test_the_published_factor_of_a_real_series(
    data_folder: Path, name: str, scanned_at_from: str
) -> None:
    folder = data_folder / "suv_headers"
    published = json.loads((folder / "expected_suvbw_factor.json").read_text())
    instances = json.loads((folder / f"{name}-instances.json").read_text())
    found = conversion([real_header(instance) for instance in instances])
    assert found.factor == pytest.approx(published[name], rel=1e-6)
    assert scanned_at_from in found.times.scanned_at_from
    assert found.warnings == ()

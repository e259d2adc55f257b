"""How DICOM became SUV is told in words and units."""

from challenges.selectors.quality import conversion_words

REPORT = {
    "rule": "BQML",
    "factor": 0.0002429029766,
    "factor_unit": "g/ml per Bq/ml",
    "times": {
        "injected_at": "2000-09-07T10:35:00",
        "injected_at_from": "(0018,1072) RadiopharmaceuticalStartTime",
        "scanned_at": "2000-09-07T11:20:11",
        "scanned_at_from": "(0008,0031) SeriesTime",
        "uptake_minutes": 45.183333,
    },
    "dose_bq": 388777472.0,
    "weight_kg": 71.0,
    "half_life_seconds": 6588.0,
    "warnings": [],
}


def test_each_number_has_its_unit_and_no_date_is_shown():
    assert conversion_words(REPORT) == [
        ("Rule", "BQML"),
        ("Factor", "0.000242903 g/ml per Bq/ml"),
        ("Injected activity", "388.8 MBq"),
        ("Body weight", "71 kg"),
        ("Half-life", "109.8 min"),
        ("Injected", "10:35:00, from (0018,1072) RadiopharmaceuticalStartTime"),
        ("Scan began", "11:20:11, from (0008,0031) SeriesTime"),
        ("Injection to scan", "45.2 min"),
    ]


def test_of_images_that_came_as_suv_nothing_is_told():
    assert conversion_words({}) == []

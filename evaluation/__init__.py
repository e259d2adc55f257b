"""How a segmentation is scored: a pure NumPy library that knows neither Django nor Docker.

Arrays are indexed ``[z, y, x]``; spacing, origin and direction are in ITK's convention (LPS, mm).
"""

SCORER_VERSION = "1"
"""Changes only when a golden score changes (see ``tests/evaluation/test_golden_scores.py``)."""

"""The ways in which organisers keep cases, and what is found in a folder of each.

A layout is a module that says whether it fits a folder and finds its cases; ``look_through`` judges
which of them are complete, the same for all.
"""

from challenges.ingest.layouts.found import Choices, Layout, Wanted, WantedReader
from challenges.ingest.layouts.looking import LAYOUTS, detect, look_through
from challenges.ingest.layouts.survey import FoundReader, Incomplete, Survey

__all__ = [
    "LAYOUTS",
    "Choices",
    "FoundReader",
    "Incomplete",
    "Layout",
    "Survey",
    "Wanted",
    "WantedReader",
    "detect",
    "look_through",
]

"""Ranks: of aggregates (``places``), and of whole tables of scores by a declared recipe."""

from evaluation.ranking.places import (
    SIGNIFICANT_DIGITS,
    aggregate_then_rank,
    rank_values,
)
from evaluation.ranking.recipe import Adjustment, Aggregate, Recipe, Scheme
from evaluation.ranking.schemes import Outcome, Ranker, Ranking, place_beside, rank_table
from evaluation.ranking.table import CohortColumn, Column, ScoreTable

__all__ = [
    "SIGNIFICANT_DIGITS",
    "Adjustment",
    "Aggregate",
    "CohortColumn",
    "Column",
    "Outcome",
    "Ranker",
    "Ranking",
    "Recipe",
    "Scheme",
    "ScoreTable",
    "aggregate_then_rank",
    "place_beside",
    "rank_table",
    "rank_values",
]

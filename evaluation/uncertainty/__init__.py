"""How far ranks can be trusted: resamples, tests, and rankings made otherwise."""

from evaluation.uncertainty.bootstrap import Bootstrap, bootstrap, kendall_tau
from evaluation.uncertainty.resamples import (
    RESAMPLES,
    board_seed,
    draw_patients,
    from_indices,
    seed_of,
)
from evaluation.uncertainty.significance import (
    SignificanceMap,
    order_against_tests,
    significance_map,
    tiers,
)
from evaluation.uncertainty.stability import (
    SCHEMES,
    Alternative,
    five_schemes,
    leaving_one_out,
    with_other_targets,
)

__all__ = [
    "RESAMPLES",
    "SCHEMES",
    "Alternative",
    "Bootstrap",
    "SignificanceMap",
    "board_seed",
    "bootstrap",
    "draw_patients",
    "five_schemes",
    "from_indices",
    "kendall_tau",
    "leaving_one_out",
    "order_against_tests",
    "seed_of",
    "significance_map",
    "tiers",
    "with_other_targets",
]

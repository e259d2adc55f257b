"""What a paper with these results cites."""

from challenges.definition import ChallengeDefinition

METHODS = (
    "Efron B. Bootstrap methods: another look at the jackknife. Ann Stat 7(1):1–26, 1979. "
    "doi:10.1214/aos/1176344552",
    "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 6(2):65–70, "
    "1979.",
    "Kendall MG. The treatment of ties in ranking problems. Biometrika 33(3):239–251, 1945. "
    "doi:10.1093/biomet/33.3.239",
    "Maier-Hein L, Eisenmann M, Reinke A, et al. Why rankings of biomedical image analysis "
    "competitions should be interpreted with care. Nat Commun 9:5217, 2018. "
    "doi:10.1038/s41467-018-07619-7",
    "Maier-Hein L, Reinke A, Godau P, et al. Metrics reloaded: recommendations for image analysis "
    "validation. Nat Methods 21(2):195–212, 2024. doi:10.1038/s41592-023-02151-z",
    "Mogstad M, Romano JP, Shaikh AM, Wilhelm D. Inference for ranks with applications to mobility "
    "across neighbourhoods and academic achievement across countries. Rev Econ Stud "
    "91(1):476–518, 2024. doi:10.1093/restud/rdad006",
    "Wiesenfarth M, Reinke A, Landman BA, et al. Methods and open-source toolkit for analyzing and "
    "visualizing challenge results. Sci Rep 11:2369, 2021. doi:10.1038/s41598-021-82017-6",
    "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bull 1(6):80–83, 1945. "
    "doi:10.2307/3001968",
)
"""Of the uncertainty and of the choice of metrics, by the first author."""


def of_data(definition: ChallengeDefinition) -> tuple[str, ...]:
    """As the challenge's source asks for."""
    if definition.source is None:
        return ()
    return tuple(
        f"{one.text} doi:{one.doi}" if one.doi else one.text for one in definition.source.citations
    )

"""What a rehearsal found, as data and in plain words."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class MetricHead:
    """One metric and label. ranked: whether it makes the rank; higher: whether higher is better;
    whether it is of all cases together (cohort)."""

    key: str
    title: str
    unit: str
    decimals: int
    higher: bool
    ranked: bool
    cohort: bool


@dataclass(frozen=True)
class Row:
    """One simulated participant. aggregates: in the order of the metrics, as the declared ranking
    makes them, None where not applicable. rank_low, rank_high: 95 % of resamples, the copy of the
    reference left out; None for that."""

    id: str
    title: str
    kind: str
    rank: int
    aggregates: tuple[float | None, ...]
    rank_low: int | None
    rank_high: int | None


@dataclass(frozen=True)
class LevelFacts:
    """A level of simulated reader: Dice between two of them, and the border's deviation in mm."""

    id: str
    title: str
    sigma_mm: float
    dice: float


@dataclass(frozen=True)
class Separation:
    """Whether one ranked metric tells good from bad.

    tau: Kendall's τ-b between the order known beforehand (copy, three levels of reader, then the
    flawed) and the metric's; None where the metric gives all the same. in_order: the levels of
    reader stand in their order. not_below: flawed participants that the metric puts level with the
    reader who strays far, or before.
    """

    key: str
    tau: float | None
    in_order: bool
    not_below: tuple[str, ...]


@dataclass(frozen=True)
class Stability:
    """Over resamples of patients, the copy of the reference left out: share with the same winner,
    and the mean τ-b with the ranking of all."""

    winner: str
    same_winner: float
    mean_tau: float | None


@dataclass(frozen=True)
class Similar:
    """How far apart chance alone puts ``participants`` readers of the middle level: the mean width
    (last − first + 1) of their 95 % rank ranges, and how often the winner of all cases wins a
    resample."""

    participants: int
    rank_range_width: float
    same_winner: float


@dataclass(frozen=True)
class FailureCost:
    """What failing on a tenth of the cases costs one level of reader, over random choices of these:
    the mean change of its rank (positive: worse), and of each metric that counts."""

    participant: str
    rank_change: float
    metric_changes: dict[str, float | None]


@dataclass(frozen=True)
class Detectable:
    """The smallest mean difference of one metric that n patients show with 80 % power (two-sided α
    0.05, Wilcoxon signed-rank); None where no difference would be significant, 0 where participants
    who differ by chance alone do not differ."""

    key: str
    patients: int
    difference: float | None


@dataclass(frozen=True)
class Report:
    """cases, patients, seed and repeats: what every number stands on. failed: cases on which the
    failing participant failed. reader_dice: between the real readers, where there are several.
    recipe: the declared ranking in words; empty in reports from before it was told."""

    cases: int
    patients: int
    seed: int
    repeats: int
    failed: int
    reader_dice: float | None
    levels: tuple[LevelFacts, ...]
    metrics: tuple[MetricHead, ...]
    rows: tuple[Row, ...]
    separation: tuple[Separation, ...]
    stability: Stability
    similar: Similar | None
    failure_costs: tuple[FailureCost, ...]
    detectable: tuple[Detectable, ...]
    warnings: tuple[str, ...]
    recipe: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Report":
        """Of ``to_json``, also after its way through a file. Raises pydantic.ValidationError."""
        return _REPORT.validate_python(document)

    def head(self, key: str) -> MetricHead:
        return next(one for one in self.metrics if one.key == key)

    def sentences(self) -> tuple[str, ...]:
        """The report in plain words, warnings first."""
        return (
            *self.warnings,
            self._basis(),
            *(self._separated(one) for one in self.separation),
            self._stable(),
            *([] if self.similar is None else [self._between_equals(self.similar)]),
            *(self._shown(one) for one in self.detectable),
            *(self._failing(one) for one in self.failure_costs),
        )

    def _basis(self) -> str:
        levels = ", ".join(f"{one.dice:.2f}" for one in self.levels)
        real = ""
        if self.reader_dice is not None:
            real = f"; the real readers agree with a mean Dice of {self.reader_dice:.2f}"
        return (
            f"Rehearsed with {_count(len(self.rows), 'simulated participant')} on "
            f"{_count(self.cases, 'case')} of {_count(self.patients, 'patient')} "
            f"(seed {self.seed}, {self.repeats} resamples), and ranked by the declared recipe. "
            f"Simulated readers of three "
            f"levels agree among themselves with a Dice of {levels}{real}."
        )

    def _separated(self, one: Separation) -> str:
        title = self.head(one.key).title
        n = f"n = {self.patients} patients, seed {self.seed}"
        if one.tau is None:
            return f"{title} gives every simulated participant the same value ({n})."
        order = "keeps" if one.in_order else "does not keep"
        text = (
            f"{title} {order} the known order of the simulated readers; its agreement with all "
            f"that is known beforehand is Kendall's τ = {one.tau:.2f} ({n})."
        )
        if one.not_below:
            flaws = ", ".join(f"“{self.title(flaw)}”" for flaw in one.not_below)
            text += f" It does not put {flaws} below the reader who strays far."
        return text

    def title(self, participant: str) -> str:
        return next(row.title for row in self.rows if row.id == participant)

    def _stable(self) -> str:
        tau = ""
        if self.stability.mean_tau is not None:
            tau = f", and the orders agree with a mean Kendall's τ of {self.stability.mean_tau:.2f}"
        return (
            f"With other patients of the same kind “{self.title(self.stability.winner)}” would win "
            f"again in {self.stability.same_winner:.0%} of resamples{tau} (the copy of the "
            f"reference left out; n = {self.patients} patients, seed {self.seed})."
        )

    def _between_equals(self, one: Similar) -> str:
        return (
            f"Of {one.participants} participants who are equally good, chance decides the order: "
            f"expect a 95 % rank range {one.rank_range_width:.1f} ranks wide, and the same winner "
            f"in {one.same_winner:.0%} of resamples (n = {self.patients} patients, seed "
            f"{self.seed})."
        )

    def _shown(self, one: Detectable) -> str:
        head = self.head(one.key)
        if one.difference is None:
            return (
                f"{head.title}: no difference would be significant with {one.patients} patients "
                f"(seed {self.seed}); bring more."
            )
        if one.difference == 0.0:
            return (
                f"{head.title}: simulated readers do not differ in it, so what difference "
                f"{one.patients} patients show cannot be told (seed {self.seed})."
            )
        unit = f" {head.unit}" if head.unit else ""
        return (
            f"{head.title}: {one.patients} patients show a mean difference of "
            f"{one.difference:.2g}{unit} with 80 % power (two-sided α 0.05, Wilcoxon "
            f"signed-rank, variation as between the simulated readers; seed {self.seed}); smaller "
            "ones will be missed more often."
        )

    def _failing(self, one: FailureCost) -> str:
        changes = []
        for key, change in one.metric_changes.items():
            head = self.head(key)
            if change is not None:
                unit = f" {head.unit}" if head.unit else ""
                changes.append(f"{head.title} {change:+.{head.decimals}f}{unit}")
        ranks = f"{abs(one.rank_change):.1f} ranks {'lost' if one.rank_change >= 0 else 'won'}"
        return (
            f"Failing on {_count(self.failed, 'case')} of {self.cases} costs “"
            f"{self.title(one.participant)}”: {ranks} on average; {'; '.join(changes)} "
            f"(n = {self.patients} patients, seed {self.seed})."
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


_REPORT: TypeAdapter[Report] = TypeAdapter(Report)

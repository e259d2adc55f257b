"""Who is imaged: builds, injections and uptake times of the simulated patients."""

from dataclasses import dataclass

import numpy as np

from challenges.phantoms.canvas import Frame

REFERENCE_HEIGHT = 1.72
REFERENCE_BMI = 24.0


@dataclass(frozen=True)
class Patient:
    sex: str
    age_years: int
    height_m: float
    weight_kg: float
    injected_MBq: float
    uptake_min: float
    arms_up: bool
    scale: float
    """The factor by which this patient's SUVs differ from the average patient's."""

    @property
    def bmi(self) -> float:
        return self.weight_kg / self.height_m**2

    @property
    def frame(self) -> Frame:
        stature = self.height_m / REFERENCE_HEIGHT
        girth = float(np.sqrt(self.bmi / REFERENCE_BMI))
        return Frame(stature, stature**0.3 * girth**0.8, stature**0.2 * girth**1.1)

    @property
    def fat_mm(self) -> float:
        """Thickness of the fat under the skin of the trunk."""
        return float(np.clip(10 + 1.6 * (self.bmi - 22), 5, 30))


def draw(rng: np.random.Generator, *, arms_up: float, activity_per_kg: float) -> Patient:
    """One patient; `arms_up` is the probability that the arms are raised above the head."""
    sex = "F" if rng.random() < 0.45 else "M"
    height = float(np.clip(rng.normal(1.66 if sex == "F" else 1.76, 0.06), 1.52, 1.86))
    bmi = float(np.clip(rng.normal(25.0, 3.2), 18.5, 33.0))
    weight = round(bmi * height**2, 1)
    return Patient(
        sex=sex,
        age_years=int(np.clip(rng.normal(59, 14), 22, 88)),
        height_m=round(height, 2),
        weight_kg=weight,
        injected_MBq=round(float(weight * activity_per_kg * rng.lognormal(0, 0.06)), 1),
        uptake_min=round(float(np.clip(rng.normal(62, 7), 50, 90)), 1),
        arms_up=bool(rng.random() < arms_up),
        scale=float(rng.lognormal(0, 0.15)),
    )

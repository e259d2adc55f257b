"""Synthetic whole-body FDG PET for the demo challenge and for tests.

    from challenges.phantoms import generate
    generate(Path("phantoms"), seed=2024)

writes one folder a case and a table of them:

    cases.csv
    demo-001/pet.nii.gz                    SUVbw (g/ml), float32 or int16 with a slope
    demo-001/reader-a.nii.gz  … -b, -c     uint8, 0 or 1, on the PET's grid

Volumes are indexed [x, y, z] with an affine to RAS+ mm; the order in which a scanner stores its
axes differs. The truth behind the readers' masks is not written.
"""

from challenges.phantoms.cohort import CaseRow, Phantom, generate, simulate

__all__ = ["CaseRow", "Phantom", "generate", "simulate"]

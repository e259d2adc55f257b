"""The hostile suite: what a stranger's upload might try, against the sandbox of this installation.

``programs``, ``outputs`` and ``tarballs`` say what is tried and what is to stop it; ``suite`` tries
it, each attack beside a good container that has to score as it does alone.
"""

from submissions.attacks.outputs import CONFIDENCE, FILES, MASKS
from submissions.attacks.programs import REACH, RESOURCES

ATTACKS = (*RESOURCES, *REACH, *FILES, *MASKS, *CONFIDENCE)

__all__ = ["ATTACKS"]

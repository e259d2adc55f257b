"""What is asked: schema only; every write is in services, every read beyond a get in selectors."""

from challenges.models.challenge import Challenge, Edition, Membership, Phase, Protocol
from challenges.models.dataset import Annotation, Case, Dataset, Image, Reader, Reference

__all__ = [
    "Annotation",
    "Case",
    "Challenge",
    "Dataset",
    "Edition",
    "Image",
    "Membership",
    "Phase",
    "Protocol",
    "Reader",
    "Reference",
]

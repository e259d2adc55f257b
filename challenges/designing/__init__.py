"""The design document of a challenge: all that the platform knows of it, for reviewers and readers.

Its order is that of the structured description of biomedical challenges (BIAS): Maier-Hein et al.
2020, Medical Image Analysis 66:101796. ``design_document`` makes it as data, a template renders it
as a page, ``pdf.typeset`` as PDF.
"""

from challenges.designing.building import design_document
from challenges.designing.document import Document

__all__ = ["Document", "design_document"]

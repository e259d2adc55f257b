"""The one family of errors of this library."""


class EvaluationError(Exception):
    """Something that its reader can mend: what was found, what was expected, what to do.

    ``code`` is stable and machine-readable; the text is for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        """So that it survives the way back from another process."""
        return type(self), (self.code, self.message)


class VolumeRefused(EvaluationError):
    """A file that is not read as an image: malformed, too large, or pointing outside itself."""


class MaskRefused(EvaluationError):
    """A readable image that cannot be scored as a mask: another grid, or undeclared values."""


class MapRefused(EvaluationError):
    """A file that is not read as a probability map: unreadable, another grid, no probabilities."""


class RankingRefused(EvaluationError):
    """A table or a recipe that makes no ranking: every problem found, and what to do."""

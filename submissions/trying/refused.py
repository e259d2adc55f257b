"""What keeps a container from being tried at all; nothing of it is the algorithm's doing."""


class TrialRefused(Exception):
    """Everything that is wrong with what was asked for, or missing on this machine, at once."""

    def __init__(self, *problems: object) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(map(str, problems))

"""What a search for identifiers has found."""

from dataclasses import dataclass

CHECK_ID = "identifiers"
_MOST_SHOWN = 40


@dataclass(frozen=True)
class Identifier:
    """place: file and tag, or column. what: in words, with its article. example_masked: enough to
    find it again, and not the value."""

    place: str
    what: str
    example_masked: str

    @property
    def text(self) -> str:
        found = f"looks like {self.what} ({self.example_masked})"
        return f"{found}. Remove it and import again, or accept it where it identifies nobody."


def masked(value: str) -> str:
    """The first character of each word and digits' run; a dot for every other letter and digit."""
    shown, before = [], False
    for char in value[:_MOST_SHOWN]:
        word = char.isalnum()
        shown.append("•" if word and before else char if char.isprintable() else "�")
        before = word
    return "".join(shown) + ("…" if len(value) > _MOST_SHOWN else "")

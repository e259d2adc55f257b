"""YAML files read strictly into a model: every error at once, each with its line."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

_MAX_BYTES = 1024 * 1024
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where (file and line, or case and file), and what."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class DocumentRefused(Exception):
    """Every problem of a file, at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_document(path: Path, model: type[Model], *, part: str = "") -> Model:
    """The file as ``model``; raises DocumentRefused with each problem and its line.

    part: a key of the document that is read alone, for a file that says more than is asked of it:
    where the document has it, or is one of these files (it says its ``format``) and leaves it out.
    """
    name = path.name
    text = _text(path)
    try:
        root = _nodes(text, name)
        unreadable = _unreadable_values(root)
        document: Any = None if unreadable else yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}, line {mark.line + 1}" if mark else name
        found = getattr(error, "problem", None) or str(error)
        raise DocumentRefused([Problem(place, f"not valid YAML: {found}")]) from None
    except RecursionError:
        raise DocumentRefused([Problem(name, "is nested too deeply")]) from None
    wrong = [(line, f"the key “{key}” stands twice") for key, line in _repeated_keys(root)]
    wrong += unreadable
    read = None
    if not unreadable:
        inside: tuple[str, ...] = ()
        if part and isinstance(document, dict) and (part in document or "format" in document):
            document, inside = document.get(part, {}), (part,)
        try:
            read = model.model_validate(document)
        except ValidationError as error:
            known = known_keys(model)
            wrong += [
                (_line(root, (*inside, *one["loc"])), _sentence(one, known))
                for one in error.errors()
            ]
    if read is None or wrong:
        raise DocumentRefused(
            [Problem(f"{name}, line {line}", text) for line, text in sorted(wrong)]
        )
    return read


def _text(path: Path) -> str:
    name = path.name
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise DocumentRefused([Problem(name, f"is larger than {_MAX_BYTES:,} bytes")])
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise DocumentRefused([Problem(name, f"not found in {path.parent}")]) from None
    except OSError as error:
        raise DocumentRefused([Problem(name, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise DocumentRefused([Problem(name, f"not UTF-8 text: {error}")]) from None


def _nodes(text: str, name: str) -> yaml.MappingNode:
    """The document as nodes, which know their lines."""
    aliases = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            place = f"{name}, line {event.start_mark.line + 1}" if event.start_mark else name
            words = f"the alias “*{event.anchor}” is not read; write the value out"
            aliases.append(Problem(place, words))
    if aliases:  # before they are followed: a few lines of them can stand for gigabytes
        raise DocumentRefused(aliases)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise DocumentRefused([Problem(name, "a mapping of keys to values is expected")])
    return root


def _unreadable_values(node: yaml.Node) -> list[tuple[int, str]]:
    """Values that look like a date or a number and are none, and characters that no text has."""
    if isinstance(node, yaml.ScalarNode):
        line = node.start_mark.line + 1
        if any(
            (char < " " and char not in "\t\n\r") or "\ud800" <= char <= "\udfff"
            for char in node.value
        ):
            return [(line, "holds a control character or half of one; only text is expected")]
        try:
            yaml.SafeLoader("").construct_object(node)
        except (ValueError, LookupError, AttributeError) as error:
            return [(line, f"“{node.value[:60]}” cannot be read: {error}")]
        except yaml.YAMLError:
            return []  # told, with its line, when the document is made
        return []
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    return [found for child in children for found in _unreadable_values(child)]


def _repeated_keys(node: yaml.Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                found.append((name, key.start_mark.line + 1))
            seen.add(name)
        for _, value in node.value:
            found += _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _repeated_keys(value)
    return found


def _line(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    """The line of the value at ``location``, or of the nearest thing around it."""
    line = int(node.start_mark.line) + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            inner = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if inner is None:
                return line
            line, node = inner[0].start_mark.line + 1, inner[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _sentence(problem: Any, known: list[str]) -> str:  # noqa: ANN401
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        close = get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.6)
        hint = f"; did you mean “{close[0]}”?" if close else ""
        return f"unknown key “{where}”{hint}"
    if problem["type"] == "missing":
        return f"“{where}” is missing"
    text = problem["msg"].removeprefix("Value error, ")
    return f"“{where}”: {text}" if where else text


def validation_problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Each problem of a document that came from no file; its place is the dotted key."""
    known = known_keys(model)
    return [
        Problem(".".join(str(part) for part in one["loc"]), _sentence(one, known))
        for one in error.errors()
    ]


def known_keys(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema()
    names = set(schema.get("properties", {}))
    for part in schema.get("$defs", {}).values():
        names |= set(part.get("properties", {}))
    return sorted(names)

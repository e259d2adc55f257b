"""``cases.csv``: a row for each case, read strictly, with every error at once and its line."""

import csv
import io
import re
from pathlib import Path

from evaluation.documents import Problem

_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MAX_TABLE_BYTES = 16 * 1024 * 1024
_MAX_PATIENT = 100


def read_case_table(path: Path, problems: list[Problem]) -> list[dict[str, str]]:
    """The rows that are right, stripped; what is wrong is added to ``problems``, with its line."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_TABLE_BYTES + 1)
        if len(content) > _MAX_TABLE_BYTES:
            problems.append(Problem(path.name, f"is larger than {_MAX_TABLE_BYTES:,} bytes"))
            return []
        # Decoded whole, as a strict csv reader does not say at which byte the text went wrong.
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
        columns = list(reader.fieldnames or [])
    except FileNotFoundError:
        problems.append(Problem(path.name, "not found; one row for each case is expected"))
        return []
    except OSError as error:
        problems.append(Problem(path.name, f"cannot be read: {error.strerror}"))
        return []
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(Problem(path.name, f"cannot be read as comma-separated UTF-8: {error}"))
        return []
    if "case_id" not in columns:
        problems.append(
            Problem(path.name, f"no column case_id (found: {', '.join(columns) or 'nothing'})")
        )
        return []
    if len(set(columns)) < len(columns):
        problems.append(Problem(path.name, "two columns have the same name"))
    if not all(column.strip() for column in columns):
        problems.append(Problem(path.name, "a column has no name"))
    if not rows:
        problems.append(Problem(path.name, "has no rows; one for each case is expected"))
    good, seen = [], set()
    for line, row in rows:
        place, name = f"{path.name}, line {line}", (row["case_id"] or "").strip()
        if None in row or None in row.values():
            problems.append(Problem(place, f"{len(columns)} cells are expected, as in the header"))
        elif not _CASE_ID.fullmatch(name) or name in (".", ".."):
            problems.append(
                Problem(place, f"case_id “{name}” must be letters, digits, “.”, “_” or “-”")
            )
        elif any(_CONTROL.search(cell) for cell in row.values()):
            problems.append(Problem(place, "a cell holds a control character"))
        elif len(row.get("patient_id", "").strip()) > _MAX_PATIENT:
            problems.append(Problem(place, f"patient_id is longer than {_MAX_PATIENT} characters"))
        elif name in seen:
            problems.append(Problem(place, f"case_id “{name}” stands twice"))
        else:
            good.append(
                {key: (cell or "").strip() for key, cell in row.items()} | {"case_id": name}
            )
        seen.add(name)
    return good

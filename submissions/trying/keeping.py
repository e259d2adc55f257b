"""What a developer keeps of a trial: masks, logs in full, and what came out where it failed."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from submissions.judging.outcomes import Accepted
from submissions.sandbox.outcome import Outcome
from submissions.trying.refused import TrialRefused


class Keeping:
    """folder: None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        """Raises TrialRefused where something is in the way."""
        self._folder = folder
        if folder is None:
            return
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise TrialRefused(f"{folder} is not empty; name a new folder with --keep.")
        folder.mkdir(parents=True, exist_ok=True)

    def log(self, case: str, chunks: Iterable[bytes]) -> None:
        """Of the last attempt at a case."""
        if self._folder is None:
            return
        with self._file(case, "log.txt").open("wb") as file:
            for chunk in chunks:
                file.write(chunk)

    def outcome(self, case: str, outcome: Outcome, accepted: Accepted | None) -> None:
        """The mask, and the map beside it, as they are scored; those that were refused as they were
        written."""
        if self._folder is None:
            return
        if accepted is not None:
            self._file(case, "mask.mha").write_bytes(accepted.content)
            if accepted.probability is not None:
                self._file(case, "probability.mha").write_bytes(accepted.probability.content)
        elif outcome.mask is not None:
            shutil.copyfile(outcome.mask, self._file(case, "refused-mask"))
            if outcome.confidence is not None:
                shutil.copyfile(outcome.confidence, self._file(case, "refused-confidence"))
        for name, content in outcome.documents.items():
            self._file(case, f"{name}.json").write_bytes(content)

    def results(self, document: dict[str, Any]) -> None:
        if self._folder is not None:
            (self._folder / "results.json").write_text(json.dumps(document, indent=1), "utf-8")

    def _file(self, case: str, name: str) -> Path:
        if self._folder is None:
            raise ValueError("nothing is kept")
        (self._folder / case).mkdir(exist_ok=True)
        return self._folder / case / name

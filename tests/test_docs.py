"""The documents name everything that a user can write: metrics, keys, commands."""

import json
import os
import re
import runpy
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command

from challenges.definition import ChallengeDefinition
from challenges.definition.describing import (
    card_markdown,
    design_markdown,
    participation_markdown,
    ranking_markdown,
    schemes_markdown,
)
from config.cli import app
from evaluation.metrics import COHORT, GROUPS, REGISTRY
from evaluation.spec import EvaluationSpec
from evaluation.tables import confidence_markdown, markdown, policy_markdown
from submissions.reasons import reasons_markdown
from submissions.sandbox.archive.model import Code
from tests.submissions.test_reasons import CODES

ROOT = Path(__file__).resolve().parent.parent
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}
FIGURES = runpy.run_path(str(ROOT / "docs" / "draw_metric_figures.py"))
README = (ROOT / "README.md").read_text()


def with_present_catalogue(page):
    """docs/metrics.md with what the registry says between its marks."""
    parts = {
        "--empty-masks": policy_markdown(EvaluationSpec(metrics=list(REGISTRY))),
        "--markdown": markdown(GROUPS),
    }
    for flag, text in parts.items():
        mark = re.escape(f"python -m evaluation metrics {flag} -->\n")
        page = re.sub(
            f"({mark}).*?(<!-- end -->)",
            lambda found, text=text: f"{found[1]}\n{text.strip()}\n\n{found[2]}",
            page,
            flags=re.DOTALL,
        )
    return page


def test_the_page_of_metrics_is_the_registry():
    page = DOCS["metrics.md"]
    for name in (*REGISTRY, *COHORT):
        assert f"#### `{name}` · " in page
    assert with_present_catalogue(page) == page, "run: python -m tests.test_docs"


def test_every_metric_has_a_figure_on_the_page():
    for name in (*REGISTRY, *COHORT):
        figure = ROOT / "static" / "metrics" / f"{name}.svg"
        assert figure.is_file(), figure
        assert figure.read_text() == FIGURES["document"](name), "run: docs/draw_metric_figures.py"


def with_present_design(page):
    """docs/challenge.md with what the model says between its marks."""
    parts = {
        "": design_markdown(),
        " --participation": participation_markdown(),
        " --card": card_markdown(),
        " --ranking": ranking_markdown(),
        " --schemes": schemes_markdown(),
    }
    for flag, text in parts.items():
        mark = re.escape(f"python -m challenges.definition.describing{flag} -->\n")
        page = re.sub(
            f"({mark}).*?(<!-- end -->)",
            lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}",
            page,
            flags=re.DOTALL,
        )
    return page


def test_texts_of_a_design_who_takes_part_and_what_ranks_stand_in_the_docs():
    page = DOCS["challenge.md"]
    assert "`purpose.impact`" in page
    assert "| `evaluation.ranking.tie_breakers` |" in page
    assert "| `borda` |" in page
    assert "`registration.approval`" in page
    assert with_present_design(page) == page, "run: python -m tests.test_docs"


def with_present_confidence(page):
    """docs/challenge.md with what the model says of confidence between its marks."""
    mark = re.escape("python -m evaluation metrics --confidence -->\n")
    return re.sub(
        f"({mark}).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{confidence_markdown()}\n\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


def test_what_may_be_asked_for_beside_the_mask_stands_in_the_docs():
    page = DOCS["challenge.md"]
    assert "`confidence.dice_at_least`" in page
    assert with_present_confidence(page) == page, "run: python -m tests.test_docs"


def with_present_reasons(page):
    """docs/containers.md with every reason between its marks."""
    mark = re.escape("python -m submissions.reasons -->\n")
    return re.sub(
        f"({mark}).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{reasons_markdown()}\n\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


def with_present_routes(page):
    """docs/api.md with every route between its marks."""
    from config.api import routes_markdown

    mark = re.escape("python -m tests.test_docs -->\n")
    return re.sub(
        f"({mark}).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{routes_markdown()}\n\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


def test_every_route_of_the_api_stands_on_its_page_with_what_it_does():
    page = DOCS["api.md"]
    assert with_present_routes(page) == page, "run: python -m tests.test_docs"
    assert "|  |" not in page, "a route without a description"


def test_every_reason_stands_on_the_page_of_containers_with_what_to_do():
    page = DOCS["containers.md"]
    assert with_present_reasons(page) == page, "run: python -m tests.test_docs"
    for code in (*CODES, *get_args(Code)):
        assert f"\n| `{code}` |" in page, code


def test_every_key_of_a_definition_is_described():
    schema = ChallengeDefinition.model_json_schema()
    keys = set(schema["properties"])
    for part in schema["$defs"].values():
        keys |= set(part.get("properties", {}))
    for key in keys:
        assert key in DOCS["challenge.md"], key


def test_every_command_stands_in_the_readme():
    for name in get_command(app).commands:
        assert f"./uptake {name}" in README, name


@pytest.mark.django_db
def test_the_page_of_operations_lists_every_metric_for_prometheus_and_no_other():
    from submissions.metrics import exposition

    told = set(re.findall(r"^# TYPE (\w+) ", exposition().decode(), re.MULTILINE))
    listed = set(re.findall(r"^\| `(uptake_\w+)` \|", DOCS["operations.md"], re.MULTILINE))
    assert listed == told


def test_every_fault_of_the_platform_stands_on_the_page_of_operations():
    from submissions.reasons import MEANINGS

    ours = [code for code, one in MEANINGS.items() if "could not do its part" in one.what]
    assert len(ours) > 10
    for code in ours:
        assert f"`{code}`" in DOCS["operations.md"], code


def test_the_examples_definitions_are_valid():
    from challenges.definition import read_definition

    found = sorted((ROOT / "examples" / "challenges").glob("*/challenge.yaml"))
    assert len(found) == 2
    for path in found:
        read_definition(path)


def test_no_lock_file_names_a_registry():
    for path in ROOT.glob("*.lock"):
        text = path.read_text()
        assert "://" not in text, path
        assert "--index" not in text, path
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for package in lock["packages"].values():
        # npm always writes where to give its authors money, which is no place to fetch it from.
        package.pop("funding", None)
    assert "://" not in json.dumps(lock)


if __name__ == "__main__":
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    (ROOT / "docs" / "metrics.md").write_text(with_present_catalogue(DOCS["metrics.md"]))
    (ROOT / "docs" / "challenge.md").write_text(
        with_present_confidence(with_present_design(DOCS["challenge.md"]))
    )
    (ROOT / "docs" / "containers.md").write_text(with_present_reasons(DOCS["containers.md"]))
    (ROOT / "docs" / "api.md").write_text(with_present_routes(DOCS["api.md"]))

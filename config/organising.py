"""Commands of organisers: check a definition, bring, split and export a challenge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.environment import load_django
from config.failing import fail

if TYPE_CHECKING:
    from challenges.models import Challenge

console = Console(highlight=False)


def validate(
    path: Annotated[Path, typer.Argument(help="challenge.yaml, or a folder of scans with one.")],
) -> None:
    """Say everything that is wrong with a definition, or with a folder; nothing is stored."""
    from challenges.definition import read_definition
    from challenges.ingest import FolderRefused, survey_folder
    from evaluation.documents import DocumentRefused

    try:
        if path.is_dir():
            survey = survey_folder(path)
            definition, problems, notices = survey.definition, survey.problems, survey.notices
        else:
            definition, problems, notices = read_definition(path), [], []
    except (DocumentRefused, FolderRefused) as refusal:
        problems, notices, definition = refusal.problems, [], None
    for problem in problems:
        console.print(f"  {problem}", markup=False)
    for notice in notices:
        console.print(f"  note: {notice}", markup=False)
    if problems or definition is None:
        console.print(f"[red]{len(problems)} problem(s).[/]")
        raise typer.Exit(1)
    missing = definition.design.missing()
    for key, title in missing:
        console.print(f"  design.{key}: “{title}” is empty", markup=False)
    if definition.source is None:
        console.print("  source: is missing")
    if missing or definition.source is None:
        console.print("Right so far; it cannot be published before these texts are there.")
    else:
        console.print("Right, and complete.")


def export_challenge(
    slug: Annotated[str, typer.Argument(help="The last part of its address.")],
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Write a challenge's definition, images and masks into a folder that can be imported again."""
    load_django()
    from challenges.ingest import FolderRefused
    from challenges.services.exporting import export_challenge as export

    try:
        count = export(challenge=_challenge(slug), folder=folder)
    except FolderRefused as refusal:
        raise fail("\n".join(map(str, refusal.problems))) from None
    console.print(f"{count} cases and challenge.yaml stand in {escape(str(folder))}.")


def split(
    slug: Annotated[str, typer.Argument(help="Of a challenge that is not published yet.")],
    shares: Annotated[list[str], typer.Argument(help="training=60 test=40 …, in percent.")],
    by: Annotated[
        list[str] | None, typer.Option(help="Column to be even over; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same splits.")] = 1,
    organiser: Annotated[str, typer.Option(help="Who decides; for the record.")] = "",
    store: Annotated[bool, typer.Option(help="Keep it; else it is only shown.")] = False,
) -> None:
    """Split a draft's cases by patient, evenly over columns of cases.csv, by a seed."""
    load_django()
    from accounts.models import User
    from challenges.forms.splitting import SplitForm
    from challenges.services.deciding import assign_splits
    from challenges.services.publishing import NotReady

    challenge = _challenge(slug)
    given = {"shares": "\n".join(shares), "columns": by or [], "seed": seed}
    form = SplitForm(given, challenge=challenge)
    if not form.is_valid() or form.summary is None:
        raise fail("\n".join(str(text) for texts in form.errors.values() for text in texts))
    table = Table("split", "cases", "patients", *(by or []))
    for one in form.summary.splits:
        cells = [
            ", ".join(f"{value or '(empty)'} {count}" for value, count in counts.items())
            for counts in one.counts.values()
        ]
        table.add_row(one.name, str(one.cases), str(one.patients), *cells)
    console.print(table)
    if form.summary.largest:
        console.print(form.summary.largest.sentence())
    if not store:
        console.print("Nothing was stored; --store keeps these splits.")
        return
    person = User.objects.filter(username=organiser).first()
    if person is None:
        raise fail(f"There is no user “{organiser}”; --organiser says who decides.")
    try:
        assign_splits(challenge=challenge, splits=form.splits, how=form.how(), by=person)
    except NotReady as refusal:
        raise fail("\n".join(map(str, refusal.problems))) from None
    console.print("Stored.")


def _challenge(slug: str) -> "Challenge":
    from challenges.models import Challenge

    found = Challenge.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Challenge.objects.values_list("slug", flat=True)) or "none"
        raise fail(f"There is no challenge “{slug}”; known: {known}.")
    return found

"""How a command ends that cannot do what it was asked."""

import typer
from rich.console import Console
from rich.markup import escape


def fail(text: object) -> typer.Exit:
    """To be raised; the text is told on standard error."""
    Console(stderr=True, highlight=False).print(f"[red]{escape(str(text))}[/]")
    return typer.Exit(1)

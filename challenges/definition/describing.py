"""The table of design texts in docs/challenge.md, made of the model: ``python -m`` this module."""

from challenges.definition.design import Design, is_required, items


def design_markdown() -> str:
    rows = [
        f"| `{key}` | {field.title}: {field.description} | {'yes' if is_required(field) else ''} |"
        for key, field, _ in items(Design())
    ]
    return "\n".join(["| `design.` | what | needed to publish |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    print(design_markdown())

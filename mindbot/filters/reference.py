"""Write the generated part of the filter page: ``python -m mindbot.filters.reference docs/filters.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from mindbot.filters.fields import EVENT_FIELDS, TURN_FIELDS, FieldSet, Kind
from mindbot.filters.tokens import OPERATORS

BEGIN, END = "<!-- generated: make docs -->", "<!-- end of the generated part -->"


def reference() -> str:
    """Return the operators and fields as Markdown tables."""
    turn = {f.name for f in TURN_FIELDS.fields}
    events = FieldSet(tuple(f for f in EVENT_FIELDS.fields if f.name not in turn))
    operators = [f"| `{operator}` | {meaning} |" for operator, meaning in OPERATORS.items()]
    return "\n".join(
        [
            "## Operators",
            "",
            "| operator | meaning |",
            "|---|---|",
            *operators,
            "| `in`, `not in` | is one, or none, of a list: `state in [failed, dead]` |",
            "",
            "## Fields of a turn",
            "",
            *_table(TURN_FIELDS),
            "",
            "## Further fields of an event",
            "",
            *_table(events),
        ]
    )


def _table(fields: FieldSet) -> list[str]:
    rows = ["| field | kind | what it holds |", "|---|---|---|"]
    for field in fields.fields:
        name = f"{field.name}.NAME" if field.kind is Kind.MAP else field.name
        values = f": {', '.join(field.values)}" if field.values else ""
        kind = Kind.ANY if field.kind is Kind.MAP else field.kind
        rows.append(f"| `{name}` | {kind} | {field.help}{values} |")
    return rows


def renewed(page: str) -> str:
    """Return the page with its generated part written again."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")

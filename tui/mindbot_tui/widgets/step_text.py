"""What a step did, as a text: its error first and once; and the end of an answer that grows."""

from __future__ import annotations

import json
from functools import lru_cache

from mindbot.api.folding import failure_of
from mindbot_tui.state.steps import Step
from mindbot_tui.widgets.colours import Colour, json_colours, plain

_FIRST = ("kind", "name", "status", "took_ms", "data")  # what is looked for; ids and times stand behind
_GROWING = 4000  # characters of an answer that grows: more than a screen


def growing(text: str) -> str:
    """Return the end of an answer that grows."""
    return text if len(text) <= _GROWING else f"… {len(text) - _GROWING:,} …{text[-_GROWING:]}"


def _failure(step: Step) -> str:
    if step.passes:
        return ""
    notes = step.span.data.get("notes") if step.kind == "delivery" else None
    later = notes.get("failed") if isinstance(notes, dict) else ""  # told after it was taken
    return str(failure_of(step.span) or later or "")


def step_text(step: Step) -> str:
    """Return what is known of a step: why it failed, then the rest as JSON."""
    error = _failure(step)
    said = step.span.to_json()
    known = {name: said[name] for name in (*_FIRST, *said) if name in said}
    if error or step.passes:
        known["data"] = {name: value for name, value in step.span.data.items() if name != "error"}
    rest = json.dumps(known, ensure_ascii=False, indent=2, default=str)
    return f"✗ {error}\n\n{rest}" if error else rest


def step_colours(step: Step) -> Colour:
    """Return how the lines of `step_text` are coloured."""
    return _reddening(_failure(step))


@lru_cache(maxsize=8)
def _reddening(error: str) -> Colour:
    """Return the colours of JSON, with the lines of an error before it in red."""
    if not error:
        return json_colours

    def colour(line: str) -> list[tuple[str, str]]:
        said = line.removeprefix("✗ ").strip()
        if line.startswith("✗ ") or (len(said) > 3 and line[:1] not in " {}" and said in error):
            return [(line, "bad")]
        return json_colours(line) if line[:1] in " {}" else plain(line)

    return colour

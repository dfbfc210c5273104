"""What a step did, as a text: its error first and once; and the end of an answer that grows."""

from __future__ import annotations

import json
from functools import lru_cache

from mindbot.api.folding import Failure, failure_of
from mindbot.api.models import SpanView
from mindbot_tui.state.steps import Step
from mindbot_tui.widgets.text import Colour, json_colours, plain

_GROWING = 4000  # characters of an answer that grows: more than a screen


def growing(text: str) -> str:
    """Return the end of an answer that grows."""
    return text if len(text) <= _GROWING else f"… {len(text) - _GROWING:,} …{text[-_GROWING:]}"


def _failure(step: Step) -> str:
    if step.passes:
        return ""
    data = step.data.get("data") or {}
    failed = (data.get("notes") or {}).get("failed") if step.kind == "delivery" else ""
    found = failure_of(SpanView(data=data)) or (Failure("", str(failed)) if failed else None)
    return str(found or "")


def step_text(step: Step) -> str:
    """Return what is known of a step: why it failed, then the rest as JSON."""
    error = _failure(step)
    data = dict(step.data.get("data") or {})
    if error or step.passes:
        data.pop("error", None)
    rest = json.dumps(step.data | {"data": data}, ensure_ascii=False, indent=2, default=str)
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

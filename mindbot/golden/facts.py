"""What of a turn counts: no ids, no times, nothing that another run may do in another order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mindbot.domain.message import Json
from mindbot.golden.file import GoldenEnd, GoldenPrompt, GoldenRoute

#: How one that was asked did, where it did not answer.
_FAILED, _SKIPPED = "failed", "skipped"


def end_of(turn: Json) -> GoldenEnd:
    """Return the facts of a turn that is done, from all that the API says of it."""
    spans: list[Json] = turn.get("spans") or []
    route: Json = turn.get("route") or {}
    quiet = turn["state"] != "answered"
    return GoldenEnd(
        state=turn["state"],
        reason=str(turn.get("reason") or "").partition(":")[0] if quiet else "",
        route=GoldenRoute(
            runner=str(route.get("runner") or ""),
            workflow=str(route.get("workflow") or ""),
            rule=str(route.get("rule") or ""),
            together=tuple(route.get("together") or ()),
            then=tuple(route.get("then") or ()),
        ),
        asked=tuple(_asked(spans)),
        prompt=_prompt(spans),
        stages=tuple(span["name"] for span in spans if span["kind"] == "stage"),
        reply=str(turn.get("reply") or "").strip(),
    )


def workflows_of(spans: list[Json]) -> Iterator[Json]:
    """Yield the steps of the workflows that were asked; those side by side by their names."""
    side_by_side = [span["id"] for span in spans if _is_group(span)]
    rows = [span for span in spans if span["kind"] == "workflow" and not _is_group(span)]
    ends = [span for span in rows if not span.get("data", {}).get("skipped")]
    for place in (0, *side_by_side):
        inside = [span for span in ends if (span["parent"] == place) == bool(place)]
        if not place:
            inside = [span for span in inside if span["parent"] not in side_by_side]
        yield from sorted(inside, key=lambda span: span["name"]) if place else inside


def _is_group(span: Json) -> bool:
    """Tell whether a step only holds those of workflows that were asked side by side."""
    return span["kind"] == "workflow" and "workflows" in span.get("data", {})


def failure_of(span: Json) -> str:
    """Return why a step failed; empty where it did not."""
    if span.get("status", "ok") == "ok":
        return ""
    error: Any = span.get("data", {}).get("error") or span["status"]
    return str(error.get("message", "") if isinstance(error, dict) else error) or _FAILED


def _asked(spans: list[Json]) -> Iterator[str]:
    for span in workflows_of(spans):
        yield f"{span['name']} {_FAILED}" if failure_of(span) else span["name"]


def model_of(spans: list[Json]) -> Json | None:
    """Return the step of the last call of a model for the answer; None where none was asked."""
    by_id = {span["id"]: span for span in spans}
    return next((span for span in reversed(spans) if span["kind"] == "model" and _answers(span, by_id)), None)


def _answers(span: Json, by_id: dict[int, Json]) -> bool:
    """Tell whether a step is one of making the answer: a judge is asked before, where the message goes."""
    above = by_id.get(span["parent"])
    while above is not None and above["kind"] != "stage":
        above = by_id.get(above["parent"])
    return above is None or above["name"] != "classify"


def _prompt(spans: list[Json]) -> GoldenPrompt | None:
    span = model_of(spans)
    request = span.get("data", {}).get("request") if span else None
    if not isinstance(request, dict):
        return None
    whole: list[Any] = request.get("messages") or []
    lines: list[Json] = [line for line in whole if isinstance(line, dict)]  # a mark is where some were cut
    system = [line for line in lines if line.get("role") == "system"]
    return GoldenPrompt(
        model=str(request.get("model") or ""),
        instructions="\n".join(map(words, system)).strip(),
        history=max(0, len(lines) - len(system) - 1) if len(lines) == len(whole) else None,
    )


def words(line: Json) -> str:
    """Return what a line of a prompt says."""
    content: Any = line.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content)

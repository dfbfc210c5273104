"""How two turns differ: message, route, prompt by its parts, answer, steps, cost, times. Pure.

It is bounded by what a trace holds (`mindbot.domain.sent`); a long one takes a while, which is none of the
event loop's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, TypeVar

from mindbot.domain.plain import dumps
from mindbot.domain.shapes.traces import (
    CacheBreakJson,
    FactDiffJson,
    LineDiffJson,
    PartDiffJson,
    PromptDiffJson,
    PromptPartJson,
    StepDiffJson,
    TextDiffJson,
    TurnDiffJson,
)
from mindbot.domain.shapes.turns import SpanJson, TurnJson
from mindbot.providers.shared import tokens
from mindbot.runtime.traces.requests import prompt_of

T = TypeVar("T")

_MATCHED = 2_000  # entries of a list that are matched with another's; longer ones are told as they are
_COSTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


def diff(a: TurnJson, b: TurnJson) -> TurnDiffJson:
    """Return how ``b`` differs from ``a``. It is the same where all but steps, cost and times is."""
    message, answer = text_diff(_asked(a), _asked(b)), text_diff(a["reply"], b["reply"])
    route = [*_facts({"state": a["state"]}, {"state": b["state"]}), *_facts(a["route"], b["route"])]
    vars, prompt = _facts(a["vars"], b["vars"]), prompt_diff(prompt_of(a), prompt_of(b))
    same = all([message["same"], answer["same"], prompt["same"], *(each["same"] for each in route + vars)])
    return {
        "a": a["id"],
        "b": b["id"],
        "same": same,
        "message": message,
        "route": route,
        "vars": vars,
        "prompt": prompt,
        "answer": answer,
        "steps": _steps(a["spans"], b["spans"]),
        "cost": _facts(_cost(a["spans"]), _cost(b["spans"])),
        "times": _facts(_times(a), _times(b)),
    }


def _asked(turn: TurnJson) -> str:
    return turn["text"]


# --- texts and facts


def text_diff(a: str, b: str) -> TextDiffJson:
    """Return two texts, and their lines where they differ."""
    if a == b:
        return {"same": True, "a": a, "b": b, "lines": []}
    lines: list[LineDiffJson] = []
    for one, other in _aligned(a.splitlines(), b.splitlines(), lambda line: line):
        if one is not None and other is not None:
            lines.append({"mark": "=", "text": one})
        elif one is not None:
            lines.append({"mark": "-", "text": one})
        elif other is not None:
            lines.append({"mark": "+", "text": other})
    return {"same": False, "a": a, "b": b, "lines": lines}


def _facts(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[FactDiffJson]:
    """Return the values of both, in the order in which they come."""
    return [
        {"name": name, "same": a.get(name) == b.get(name), "a": _told(a.get(name)), "b": _told(b.get(name))}
        for name in dict.fromkeys([*a, *b])
    ]


def _told(value: Any) -> str | float | None:
    if value is None or isinstance(value, str | float):
        return value
    return value if isinstance(value, int) and not isinstance(value, bool) else dumps(value).decode()


# --- prompts


def prompt_diff(a: Sequence[PromptPartJson], b: Sequence[PromptPartJson]) -> PromptDiffJson:
    """Return two prompts part by part, and where a cache of the first no longer serves the second."""
    parts: list[PartDiffJson] = []
    for one, other in _paired(_aligned(a, b, _key)):
        changed = one is not None and other is not None and _key(one) != _key(other)
        mark: Any = "-" if other is None else "+" if one is None else "~" if changed else "="
        parts.append({"mark": mark, "a": one, "b": other})
    return {"same": all(each["mark"] == "=" for each in parts), "parts": parts, "breaks": _breaks(parts)}


def _key(part: PromptPartJson) -> tuple[str, str, str]:
    return part["role"], part["kind"], part["text"]


def _paired(
    found: Sequence[tuple[PromptPartJson | None, PromptPartJson | None]],
) -> Iterator[tuple[PromptPartJson | None, PromptPartJson | None]]:
    """Make one of a part that goes and one from the same place that comes: it is another now."""
    gone: list[PromptPartJson] = []
    for one, other in found:
        if other is None and one is not None:
            gone.append(one)
            continue
        if one is None and other is not None:
            like = next(
                (g for g in gone if (g["role"], g["origin"]) == (other["role"], other["origin"])), None
            )
            if like is not None:
                while gone[0] is not like:
                    yield gone.pop(0), None
                yield gone.pop(0), other
                continue
        yield from ((each, None) for each in gone)
        gone.clear()
        yield one, other
    yield from ((each, None) for each in gone)


def _breaks(parts: Sequence[PartDiffJson]) -> CacheBreakJson | None:
    characters = spent = 0
    for n, part in enumerate(parts):
        one, other = part["a"], part["b"]
        if part["mark"] == "=" and one is not None:
            characters += len(one["text"])
            spent += one["tokens"]
            continue
        if (
            one is not None
            and other is not None
            and one["kind"] == other["kind"]
            and one["role"] == other["role"]
        ):
            head = one["text"][: _common(one["text"], other["text"])]
            characters, spent = characters + len(head), spent + tokens.of_text(head)
        return {"part": n, "characters": characters, "tokens": spent}
    return None


# --- steps


def _steps(a: Sequence[SpanJson], b: Sequence[SpanJson]) -> list[StepDiffJson]:
    """Return the steps of both by their ways: the third call of a tool is held against the third."""
    ours, theirs = _by_path(a), _by_path(b)
    found: list[StepDiffJson] = []
    for path in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(path), theirs.get(path)
        changed = one is not None and other is not None and one["status"] != other["status"]
        found.append(
            {
                "mark": "-" if other is None else "+" if one is None else "~" if changed else "=",
                "path": path,
                "a_status": one and one["status"],
                "b_status": other and other["status"],
                "a_ms": one and one["took_ms"],
                "b_ms": other and other["took_ms"],
            }
        )
    return found


def _by_path(spans: Sequence[SpanJson]) -> dict[str, SpanJson]:
    paths: dict[int, str] = {}
    seen: Counter[str] = Counter()
    found: dict[str, SpanJson] = {}
    for span in spans:
        above = paths.get(span["parent"], "")
        # Stages stand in each other, a dozen deep: of them the innermost alone says where a step is.
        if above.rpartition(" › ")[2].startswith("stage "):
            above = above if span["kind"] != "stage" else ""
        path = " › ".join(filter(None, (above, f"{span['kind']} {span['name']}")))
        seen[path] += 1
        if seen[path] > 1:
            path = f"{path} #{seen[path]}"
        paths[span["id"]] = path
        found[path] = span
    return found


# --- cost and times


def _cost(spans: Sequence[SpanJson]) -> dict[str, float]:
    """Return what the models and workflows of a turn took, as far as it is known."""
    found: dict[str, float] = {}
    for span in spans:
        data = span.get("data", {})
        usage, cost = data.get("usage"), data.get("cost")
        for name in _COSTS:
            if isinstance(usage, Mapping) and isinstance(usage.get(name), int):
                found[name] = found.get(name, 0) + usage[name]
        if isinstance(cost, Mapping) and isinstance(cost.get("money"), int | float):
            money = f"money {cost.get('currency', '')}".strip()
            found[money] = found.get(money, 0) + cost["money"]
    return found


def _times(turn: TurnJson) -> dict[str, float]:
    """Return what a turn took and where, in milliseconds."""
    found = {"took_ms": turn["took_ms"]}
    if turn["spans"]:
        found["waited_ms"] = max(0.0, round((turn["spans"][0]["start"] - turn["received"]) * 1000, 3))
    first = [span["data"]["first_ms"] for span in turn["spans"] if "first_ms" in span.get("data", {})]
    if first:
        found["first_ms"] = first[0]
    for span in turn["spans"]:
        if span["kind"] in ("model", "workflow", "tool") and span["took_ms"] is not None:
            name = f"{span['kind']}_ms"
            found[name] = round(found.get(name, 0.0) + span["took_ms"], 3)
    return found


# --- matching


def _common(a: Sequence[Any], b: Sequence[Any]) -> int:
    """Return how many elements both begin with."""
    differ = (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(differ, min(len(a), len(b)))


def _aligned(a: Sequence[T], b: Sequence[T], key: Any) -> list[tuple[T | None, T | None]]:
    """Return both lists as pairs: what is the same in both together, what one has beside nothing."""
    ours, theirs = list(map(key, a)), list(map(key, b))
    head = next(
        (n for n, (x, y) in enumerate(zip(ours, theirs, strict=False)) if x != y), min(len(a), len(b))
    )
    found: list[tuple[T | None, T | None]] = list(zip(a[:head], b[:head], strict=True))
    if max(len(a), len(b)) - head > _MATCHED:
        return [*found, *((each, None) for each in a[head:]), *((None, each) for each in b[head:])]
    matcher = SequenceMatcher(None, ours[head:], theirs[head:], autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        some, others = a[head + i : head + j], b[head + k : head + m]
        if kind == "equal":
            found += zip(some, others, strict=True)
        else:
            found += [(each, None) for each in some]
            found += [(None, each) for each in others]
    return found

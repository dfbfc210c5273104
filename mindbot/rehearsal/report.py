"""What a rehearsal tells: each message, who answered and why, what failed, and what to mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from mindbot.config.load import Loaded
from mindbot.config.model import Config
from mindbot.domain.message import Json
from mindbot.rehearsal.playing import Played
from mindbot.rehearsal.rehearsing import RehearsalOutcome


@dataclass(frozen=True, slots=True)
class RehearsedLine:
    """A message with what came of it; ``wrong`` is what was expected and did not come."""

    conversation: str
    platform: str
    bot: str
    user: str
    text: str
    got: list[str]
    state: str
    runner: str
    workflow: str
    provider: str
    confidence: float | None
    rule: str
    why: str
    took_ms: float
    failures: list[str]
    wrong: list[str]
    turn: str
    meant: str = ""

    @property
    def ok(self) -> bool:
        return not self.wrong


@dataclass(slots=True)
class RehearsalReport:
    """The whole of it; ``mend`` are lines on what is to be mended, ``errors`` those that fail it."""

    lines: list[RehearsedLine]
    errors: list[str] = field(default_factory=list)
    mend: list[str] = field(default_factory=list)
    workflows: dict[str, int] = field(default_factory=dict)
    providers: dict[str, int] = field(default_factory=dict)
    took: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.errors and all(line.ok for line in self.lines)

    def to_json(self) -> Json:
        lines = [{name: getattr(line, name) for name in line.__slots__} for line in self.lines]
        return {
            "ok": self.ok,
            "messages": len(self.lines),
            "answered": sum(line.state == "answered" for line in self.lines),
            "wrong": sum(not line.ok for line in self.lines),
            "workflows": self.workflows,
            "providers": self.providers,
            "errors": self.errors,
            "mend": self.mend,
            "took_s": round(self.took, 3),
            "lines": lines,
        }


def report(loaded: Loaded, outcome: RehearsalOutcome) -> RehearsalReport:
    """Hold what came against what was expected."""
    lines = [_line(played) for played in outcome.played]
    told = RehearsalReport(lines, took=outcome.took)
    told.workflows = dict(Counter(line.workflow for line in lines if line.workflow))
    told.providers = dict(Counter(line.provider for line in lines if line.provider))
    told.errors += [f"{line} (did not start)" for line in outcome.not_well]
    told.errors += [f"{host} was called for, and refused: give it a stand-in" for host in outcome.refused]
    if not lines:
        told.errors.append("nothing was played: nobody stands in for a bot of this configuration")
    if outcome.stopped:
        told.errors.append("stopped before its end")
    told.mend = list(_to_mend(loaded, outcome, lines))
    return told


def _line(played: Played) -> RehearsedLine:
    scene, turn = played.scene, played.turn
    route: Any = turn["route"] if turn else {}
    workflow = str(route.get("workflow") or "")
    confidence = route.get("confidence")
    return RehearsedLine(
        conversation=scene.name,
        platform=scene.platform,
        bot=scene.bot,
        user=scene.user,
        text=played.said.text,
        got=played.got,
        state=turn["state"] if turn and not played.failed else "unanswered",
        runner=str(route.get("runner") or ""),
        workflow=workflow,
        provider=turn.get("provider", "") if turn else "",
        confidence=round(confidence, 3) if isinstance(confidence, int | float) else None,
        rule=str(route.get("rule") or ""),
        why=str(route.get("why") or ""),
        took_ms=round(turn["took_ms"], 1) if turn else 0.0,
        failures=list(_failures(turn)) if turn else [],
        wrong=list(_wrong(played, workflow, route)),
        turn=turn["id"] if turn else "",
        meant=played.said.meant,
    )


def _failures(turn: Any) -> Iterator[str]:
    """Yield what was asked and failed within a turn: each workflow and provider, with the reason."""
    for span in turn["spans"]:
        data = span.get("data", {})
        if span["kind"] == "model":
            tried = {each["provider"]: each["why"] for each in data.get("failures", ())}
            yield from (f"provider {name}: {why.removeprefix(f'{name}: ')}" for name, why in tried.items())
        if span["kind"] == "workflow" and span["status"] == "error":
            error = data.get("error") or "failed"
            yield f"workflow {span['name']}: {error['message'] if isinstance(error, dict) else error}"


def _wrong(played: Played, workflow: str, route: Any) -> Iterator[str]:
    """Yield what of the expectations does not hold."""
    turn, expect = played.turn, played.said.expect
    if turn is None or played.failed:
        yield played.failed or "no answer"
        return
    if turn["state"] != expect.state:
        yield f"{turn['state']}, not {expect.state}" + (f": {turn['reason']}" if turn["reason"] else "")
    elif expect.state == "answered" and not any(text.strip() for text in played.got):
        yield "nothing came to the phone" + (f": {_undelivered(turn)}" if _undelivered(turn) else "")
    if expect.workflow is None and workflow:
        yield f"answered by {workflow}, and no workflow was expected"
    elif expect.workflow and workflow != expect.workflow:
        yield f"answered by {workflow or 'no workflow'}, not by {expect.workflow}"
    if expect.runner and route.get("runner") != expect.runner:
        yield f"answered by the runner {route.get('runner') or '-'}, not by {expect.runner}"
    if expect.rule and expect.rule not in (route.get("rule"), *_matching(turn)):
        yield f"decided by {route.get('rule') or 'no rule'}, not by {expect.rule}"
    if expect.reply and not any(re2.search(expect.reply, text) for text in played.got):
        yield f"the answer holds no {expect.reply!r}"


def _matching(turn: Any) -> Iterator[str]:
    """Yield the rules that a turn matched, those that went on to the next too."""
    for span in turn["spans"]:
        if span["kind"] == "rule":
            yield from (line.partition(":")[0] for line in span.get("data", {}).get("rules", ()))


def _undelivered(turn: Any) -> str:
    return "; ".join(d["error"] for d in turn["deliveries"] if d["error"])


def _to_mend(loaded: Loaded, outcome: RehearsalOutcome, lines: Sequence[RehearsedLine]) -> Iterator[str]:
    yield from loaded.warnings
    yield from outcome.left_out
    fallen = Counter(failure for line in lines for failure in line.failures)
    for failure, times in fallen.items():
        who = sorted({line.workflow or line.provider for line in lines if failure in line.failures} - {""})
        instead = f"; answered all the same by {', '.join(who)}" if who else ""
        yield f"{failure}, {times} time{'' if times == 1 else 's'}{instead}"
    for line in lines:
        asked = {line.workflow, *_failed_workflows(line)}
        if line.meant and line.state == "answered" and line.meant not in asked:
            yield f"{line.text!r} is meant for {line.meant}, and {line.workflow or line.runner} answered"
    yield from _never(loaded.config, lines, outcome.matched)


def _never(config: Config, lines: Sequence[RehearsedLine], matched: Mapping[str, int]) -> Iterator[str]:
    """Yield the workflows that nobody reached, and the rules that no message matched."""
    reached = {line.workflow for line in lines}
    for line in lines:
        reached.update(_failed_workflows(line))
    for name, workflow in config.workflows.items():
        if workflow.enabled and name not in reached:
            yield f"nobody reached the workflow {name}: give it examples, or play a message for it"
    for n, rule in enumerate(config.routes, 1):
        name = rule.name or f"route{n}"
        if rule.enabled and not matched.get(name):
            yield f"the rule {name} never matched: play a message for it, or remove it"


def _failed_workflows(line: RehearsedLine) -> Iterator[str]:
    for failure in line.failures:
        kind, _, name = failure.partition(":")[0].partition(" ")
        if kind == "workflow":
            yield name


def shown(told: RehearsalReport, faults: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines that people read."""
    for name, specs in faults.items():
        yield f"fails on purpose: {name} ({', '.join(specs)})"
    before = ""
    for line in told.lines:
        head = f"{line.platform}/{line.bot}  {line.user}  {line.conversation}"
        if head != before:
            yield f"\n{head}"
            before = head
        yield f"  › {line.text}"
        yield from (f"  ‹ {text}" for text in line.got or [f"({line.state})"])
        yield f"    {_how(line)}"
        yield from (f"    ! {failure}" for failure in line.failures)
        yield from (f"    ✗ {wrong}" for wrong in line.wrong)
    if told.errors or told.mend:
        yield "\nto mend"
        yield from (f"  ✗ {each}" for each in told.errors)
        yield from (f"  - {each}" for each in told.mend)
    answered = sum(line.state == "answered" for line in told.lines)
    wrong = sum(not line.ok for line in told.lines)
    yield (
        f"\n{'ok' if told.ok else 'failed'}: {len(told.lines)} messages, {answered} answered, "
        f"{wrong} not as expected, {told.took:.1f} s"
    )


def _how(line: RehearsedLine) -> str:
    who = f"{line.runner} {line.workflow or line.provider}".strip() or line.state
    sure = f" {line.confidence:.2f}" if line.confidence is not None else ""
    rule = f", rule {line.rule}" if line.rule else ""
    why = f": {line.why}" if line.why else ""
    return f"{who}{sure}, {line.took_ms:.0f} ms{rule}{why}"

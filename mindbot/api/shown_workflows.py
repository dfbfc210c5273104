"""What people are shown of a workflow: the same facts in the command line and the console.

Texts are put together from whole pieces, which the console has in another language as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mindbot.api.shown import Say, cells, english, padded
from mindbot.api.shown_providers import money, percent, seconds, share_of, sparkline, stands
from mindbot.api.workflow_models import (
    RunErrorView,
    RunNodeView,
    WorkflowDayView,
    WorkflowRunView,
    WorkflowView,
)

#: Labels of `facts`, beside those of providers.
LABELS = (
    *("about", "address", "chosen by", "app", "runs", "late runs", "a run", "one run", "liked", "split"),
    *("shadow", "then asks", "by day"),
)
STATES = ("ok", "degraded", "tripped", "off", "disabled")
#: Why a workflow is left alone as a whole.
_WHOLE = {"off": "switched off by an operator", "disabled": "the configuration disables it"}
#: What a test looks at.
CHECKS = ("app", "form", "bot", "workflow", "key")
#: How a run or a node of it ended.
STATUSES = ("succeeded", "failed", "stopped", "running", "partial-succeeded", "paused")
#: Pieces of which the other texts are made.
TEXTS = (
    *(
        "{n} waiting",
        "{n} runs",
        "{n} failed",
        "{n} recovered",
        "{n} in the shadow",
        "{n} answered by others",
    ),
    *("{share} of late runs succeeded", "{share} of ratings", "{name} {percent}", "{n} examples"),
    *("{n} patterns", "priority {n}", "from {share} on", "{time} at most, tries after the first: {n}"),
    *("{time}, 95 of 100 within {most}", "{n} likes", "{n} dislikes", "well again after {time}"),
    *("{status} in {time}", "app {name}", "this app", "the breaker is open"),
)
_SIGNS = {"succeeded": "✓", "partial-succeeded": "✓", "failed": "✗", "exception": "✗", "stopped": "■"}
_BAR = 20  # cells of the longest node's bar


def state(found: WorkflowView, say: Say = english) -> str:
    """Return how it is, in a word: one whose breaker is open is left alone for a while."""
    return say("tripped" if found.state == "open" else found.state)


def late_runs_failed(found: WorkflowView) -> list[RunErrorView]:
    """Return its late errors, the newest first."""
    return sorted(found.errors, key=lambda error: -error.ts)


def why(found: WorkflowView, now: float, say: Say = english) -> str:
    """Return in a line why a workflow is not well; empty for one that is. ``now`` is Unix seconds."""
    if found.state in _WHOLE:
        return say(_WHOLE[found.state])
    told = [
        stands(say("app {name}", name=each.name) if each.name else say("this app"), each, now, say)
        for each in found.replicas
        if each.state != "ok" and (each.why or each.state != "disabled")
    ]
    if not told and found.state != "ok":
        if found.state == "open":
            told.append(say("the breaker is open"))
        if found.success is not None:
            told.append(say("{share} of late runs succeeded", share=percent(found.success)))
        told += [error.why for error in late_runs_failed(found)[:1]]
    return "; ".join(told)


def facts(found: WorkflowView, now: float, say: Say = english) -> Iterator[tuple[str, str]]:
    """Yield what is known of a workflow but its errors, as labels and texts; ``now`` is Unix seconds.

    An empty label goes on with the one before.
    """
    comma = say(", ")
    yield say("state"), state(found, say)
    if not any(each.why for each in found.replicas) and (reason := why(found, now, say)):
        yield say("why"), reason
    if found.description:
        yield say("about"), found.description
    yield say("type"), found.type
    yield say("address"), found.endpoint
    yield say("chosen by"), comma.join(_chosen_by(found, say))
    for n, each in enumerate(found.replicas):
        text = stands(each.name, each, now, say)
        busy = say("{n} now", n=each.in_flight) if each.in_flight else ""
        yield "" if n else say("app"), comma.join(filter(None, (text, busy)))
    now_ = share_of(found.in_flight, found.concurrency, "{n} now", "{n} of {limit} now", say)
    waiting = say("{n} waiting", n=found.waiting) if found.waiting else ""
    yield say("runs"), comma.join(filter(None, (now_, waiting)))
    yield (
        say("one run"),
        say("{time} at most, tries after the first: {n}", time=f"{found.timeout:g}s", n=found.max_retries),
    )
    yield from _late(found, say)
    yield say("today"), comma.join(_today(found, say))
    if found.satisfaction is not None:
        yield say("liked"), say("{share} of ratings", share=percent(found.satisfaction))
    for label, shares in (("split", found.split), ("shadow", found.shadow)):
        if shares:
            yield say(label), parts_of(shares, say)
    if found.fallback:
        yield say("then asks"), comma.join(found.fallback)


def parts_of(shares: Mapping[str, float], say: Say = english) -> str:
    """Return shares in percent, by the names of workflows."""
    return say(", ").join(
        say("{name} {percent}", name=name, percent=f"{percent:g}%") for name, percent in shares.items()
    )


def _chosen_by(found: WorkflowView, say: Say) -> Iterator[str]:
    yield say("{n} examples", n=found.examples)
    yield say("{n} patterns", n=found.patterns)
    yield say("priority {n}", n=found.priority)
    if found.threshold:
        yield say("from {share} on", share=f"{found.threshold:.2f}")


def _late(found: WorkflowView, say: Say) -> Iterator[tuple[str, str]]:
    if found.success is not None:
        yield say("late runs"), say("{share} succeeded", share=percent(found.success))
    if found.latencies:
        least, most = seconds(min(found.latencies)), seconds(max(found.latencies))
        late = say("{mean} lately, {least} to {most}", mean=seconds(found.latency), least=least, most=most)
        yield say("a run"), f"{late} {sparkline(found.latencies)}"


def _today(found: WorkflowView, say: Say) -> Iterator[str]:
    yield say("{n} runs", n=found.runs_today)
    if found.failed_today:
        yield say("{n} failed", n=found.failed_today)
    if found.recovered_today:
        yield say("{n} recovered", n=found.recovered_today)
    if found.shadow_today:
        yield say("{n} in the shadow", n=found.shadow_today)
    yield say("{n} tokens", n=found.tokens_today)
    yield money(found.money_today, found.currency)


def day(found: WorkflowDayView, say: Say = english) -> str:
    """Return in a line what a workflow did on a day."""
    told = [say("{n} runs", n=found.runs)]
    counts = (
        ("{n} failed", found.failed),
        ("{n} recovered", found.recovered),
        ("{n} answered by others", found.fallbacks),
        ("{n} in the shadow", found.shadow),
        ("{n} likes", found.likes),
        ("{n} dislikes", found.dislikes),
    )
    told += [say(text, n=n) for text, n in counts if n]
    if found.p50_s is not None:
        time, most = seconds(found.p50_s), seconds(found.p95_s)
        told.append(say("{time}, 95 of 100 within {most}", time=time, most=most))
    if found.recovery_s is not None:
        told.append(say("well again after {time}", time=seconds(found.recovery_s)))
    if found.money:
        told.append(money(found.money, found.currency))
    return say(", ").join(told)


def run_head(run: WorkflowRunView, say: Say = english) -> str:
    """Return in a line how a run ended."""
    ended = say("{status} in {time}", status=say(run.status), time=milliseconds(run.took_ms))
    tokens = say("{n} tokens", n=run.tokens) if run.tokens else ""
    return say(", ").join(filter(None, (ended, tokens)))


def node_tree(nodes: Sequence[RunNodeView]) -> Iterator[str]:
    """Yield a line a node of a run: its place, how it ended, its time and a bar as long as that."""
    longest = max((node.took_ms or 0.0 for node in nodes), default=0.0)
    names = [_named(node) for node in nodes]
    width = min(max(map(cells, names), default=0), 40)
    for n, (node, name) in enumerate(zip(nodes, names, strict=True)):
        branch = "└─" if n == len(nodes) - 1 else "├─"
        took = "…" if node.took_ms is None else milliseconds(node.took_ms)
        bar = "━" * max(round(node.took_ms / longest * _BAR), 1) if node.took_ms else ""
        why = f"  {node.error}" if node.error else ""
        yield f"{branch} {_SIGNS.get(node.status, '·')} {padded(name, width)} {took:>7}  {bar}{why}".rstrip()


def _named(node: RunNodeView) -> str:
    return f"{node.name} ({node.kind})" if node.kind not in ("", "node", node.name) else node.name


def milliseconds(value: float) -> str:
    """Return milliseconds as people read them."""
    if value < 1000:
        return f"{value:.0f}ms" if value >= 10 else f"{value:.1f}ms"
    return (
        f"{value / 1000:.1f}s"
        if value < 60_000
        else f"{int(value // 60_000)}m{int(value % 60_000) // 1000:02}s"
    )

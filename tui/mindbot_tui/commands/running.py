"""A run by hand: a page while it goes on, and then how each node went and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from mindbot.api.calls import ApiCall
from mindbot.api.shown_workflows import node_tree, run_head
from mindbot.api.workflow_models import WorkflowRunView
from mindbot.domain.errors import Invalid, MindBotError
from mindbot_tui.surface import Surface
from mindbot_tui.words import Words

R = TypeVar("R")
_LONGEST, _NAME = 100_000, 256  # characters of a text, of a name


def check(text: str, *names: str) -> None:
    """Raise Invalid for what no daemon takes."""
    if len(text) > _LONGEST or any(len(name) > _NAME for name in names):
        raise Invalid("this is too long")


async def run_shown(
    console: Surface, title: str, call: ApiCall[R], told: Callable[[R, Words], Iterable[str]]
) -> R | None:
    """Show a page while it runs, and on it what came of it; returns that where it was closed meanwhile."""
    words = console.words
    page = console.show_page(title, words("running; no user sees it …"))
    try:
        found = await console.api.ask(call)
    except MindBotError as error:
        page.put(words("it did not run: {why}", why=error))
        raise
    if not page.open:
        return found
    page.put("\n".join(told(found, words)))
    return None


def one(run: WorkflowRunView, words: Words) -> Iterator[str]:
    """Yield how a run went: its nodes as a tree with times, the answer or the error, the vendor's ids."""
    yield run_head(run, words)
    yield from node_tree(run.nodes)
    if run.error:
        yield f"── {words('error')} ──"
        yield run.error
    if run.answer:
        yield f"── {words('answer')} ──"
        yield run.answer
    if run.ids:
        yield "── " + ", ".join(f"{name} {id}" for name, id in run.ids.items()) + " ──"


def several(runs: Sequence[WorkflowRunView], words: Words) -> Iterator[str]:
    """Yield how each run went, one after the other."""
    for n, run in enumerate(runs):
        if n:
            yield ""
        yield f"── {run.workflow} ──"
        yield run_head(run, words)
        yield from node_tree(run.nodes)
        yield run.error or run.answer

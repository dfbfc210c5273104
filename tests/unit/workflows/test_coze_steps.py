"""What a bot's tools and a workflow's nodes are in the trace."""

from __future__ import annotations

import pytest

from mindbot.domain.message import Message, text_part
from mindbot.domain.turn import Turn
from mindbot.providers.shared.documents import NamedDocument
from mindbot.workflows.coze.steps import CozeSteps

pytestmark = pytest.mark.anyio


def a_turn() -> Turn:
    return Turn(1, Message("console", "c", "k", "s", "ann", "text", (text_part("hi"),), {}))


def message(kind: str, content: str, id: str) -> NamedDocument:
    return NamedDocument("conversation.message.completed", {"type": kind, "content": content, "id": id})


async def test_calls_and_what_they_returned_are_steps_inside_the_run() -> None:
    turn = a_turn()
    async with turn.span("workflow", "hr") as run:
        steps = CozeSteps(turn, run, hide="pat_secret")
        await steps.take(message("function_call", '{"name":"search","arguments":{"q":"pat_secret"}}', "1"))
        await steps.take(message("function_call", '{"name":"weather","arguments":{}}', "2"))
        await steps.take(message("tool_response", "found", "3"))
        await steps.take(message("verbose", "{}", "4"))
        await steps.close("left")
    search, weather = (span for span in turn.spans if span.kind == "tool")
    assert (search.name, search.data["outputs"], search.parent) == ("search", "found", run.id)
    assert "pat_secret" not in search.data["inputs"]
    assert (weather.name, weather.data["left"]) == ("weather", "left")
    assert turn.innermost == 0
    assert all(span.took >= 0 for span in turn.spans)


async def test_a_node_that_speaks_in_pieces_is_one_step_and_again_in_a_loop_another() -> None:
    turn = a_turn()
    async with turn.span("workflow", "hr") as run:
        steps = CozeSteps(turn, run)
        for done in (False, True, True):
            told = {"node_title": "Speak", "content": "x", "node_is_finish": done, "token": 3}
            await steps.take(NamedDocument("Message", told))
        await steps.take(NamedDocument("Done", "not an object"))
        await steps.close()
    nodes = [span for span in turn.spans if span.kind == "node"]
    assert [(span.name, span.data["tokens"]) for span in nodes] == [("Speak", 3), ("Speak", 3)]


async def test_more_steps_than_anybody_reads_are_counted() -> None:
    turn = a_turn()
    async with turn.span("workflow", "hr") as run:
        steps = CozeSteps(turn, run)
        for number in range(250):
            await steps.take(message("function_call", "no JSON", str(number)))
        await steps.close()
    assert steps.left_out == 50

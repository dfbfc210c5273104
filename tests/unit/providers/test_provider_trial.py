"""A real conversation with a model, step by step: what each finding says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mindbot.domain.chat import Capabilities, ChatRequest, Chunk, Chunks, ToolCall
from mindbot.domain.errors import Rejected
from mindbot.providers.management.trial import trial

pytestmark = pytest.mark.anyio
BROKEN = (ToolCall("1", "add", "20+22"),)
CALL = (ToolCall("1", "add", '{"a": 20, "b": 22}'),)
DONE = Chunk(finish="stop")


class Model:
    """A provider that answers as told: ``says`` makes the chunks of a request."""

    name = "acme"

    def __init__(self, says: Callable[[ChatRequest], list[Chunk]], **can: bool) -> None:
        self._says = says
        self._can = Capabilities(**{"tools": True, "images": True, **can})

    def capabilities(self, model: str = "") -> Capabilities:
        return self._can

    async def chat(self, request: ChatRequest) -> Chunks:
        for chunk in self._says(request):
            yield chunk


def well(request: ChatRequest) -> list[Chunk]:
    if request.tools and request.messages[-1].role == "user":
        return [Chunk(tool_calls=CALL, finish="tool_calls")]
    return [Chunk("one "), Chunk("two"), DONE]


async def findings(model: Model) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state, f"{check.detail} {check.mend}") for check in await trial(model)}


async def test_one_that_does_all_of_it() -> None:
    found = await findings(Model(well))
    assert {name: state for name, (state, _) in found.items()} == dict.fromkeys(
        ["answer", "stream", "tools", "images"], "ok"
    )


async def test_what_it_cannot_is_not_asked() -> None:
    asked: list[ChatRequest] = []

    def says(request: ChatRequest) -> list[Chunk]:
        asked.append(request)
        return [Chunk("one "), Chunk("two"), DONE]

    found = await findings(Model(says, tools=False, images=False, streaming=False))
    assert [found[name][0] for name in ("stream", "tools", "images")] == ["skipped"] * 3
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("step", "chunks", "why"),
    [
        ("stream", [Chunk("all at once"), DONE], "one piece"),
        ("tools", [Chunk("it is "), Chunk("42"), DONE], "without calling"),
        (
            "tools",
            [Chunk(tool_calls=BROKEN, finish="tool_calls")],
            "no JSON object",
        ),
        (
            "images",
            [Chunk("red"), Chunk(finish="stop", notes={"unseen": ["dot.png: too large"]})],
            "too large",
        ),
    ],
)
async def test_what_goes_wrong_is_said_with_its_step(step: str, chunks: list[Chunk], why: str) -> None:
    def says(request: ChatRequest) -> list[Chunk]:
        of = "tools" if request.tools else "images" if request.messages[-1].attachments else ""
        of = of or ("stream" if request.stream else "answer")
        return chunks if of == step else well(request)

    found = await findings(Model(says))
    assert found[step][0] == "failed" and why in found[step][1]
    assert [name for name, (state, _) in found.items() if state == "failed"] == [step]


async def test_a_refusal_ends_it_with_its_mend() -> None:
    def says(request: ChatRequest) -> list[Chunk]:
        raise Rejected("acme: no such model", hint="check its name")

    assert await findings(Model(says)) == {"answer": ("failed", "acme: no such model check its name")}


async def test_no_words_are_no_answer() -> None:
    found = await findings(Model(lambda request: [Chunk(reasoning="hm"), Chunk(finish="length")]))
    assert found == {
        "answer": ("failed", "no words (finish: length) a model that thinks may need more max_tokens")
    }

"""Whatever a vendor is sent of a prompt, its record says of every character where it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain import ids, origins
from mindbot.domain.chat import Attachment, Capabilities, ChatMessage, ChatPart, ChatRequest, Text
from mindbot.domain.conversation import shaped, without_system, wordless
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.turn import Turn
from mindbot.pipeline.stages.compose import Compose
from mindbot.platforms.wecomcs.wire import merge
from mindbot.providers.shared.attachments import ready
from mindbot.providers.wires import anthropic_request, gemini_request, ollama_wire, openai_request
from mindbot.store.history import lines_of

WORDS = st.text(alphabet="abc 你\n", max_size=12)
PICTURE = Part("image", "[image]", {"media": "m1", "name": "a.png", "type": "image/png"})
EXCHANGES = st.lists(st.tuples(st.integers(1, 99), WORDS, WORDS), max_size=4)
MESSAGES = st.lists(
    st.lists(st.builds(text_part, WORDS) | st.just(PICTURE), min_size=1, max_size=3), min_size=1
)

#: What a vendor's form itself puts between or in the place of lines (`mindbot.providers.shared.alternating`).
GLUE = ("[no words]", "\n", " ")

FORMS: dict[str, Callable[[ChatRequest], Json]] = {
    "openai": lambda request: openai_request.request_body(request, openai_request.Accent()),
    "anthropic": anthropic_request.request_body,
    "google": gemini_request.request_body,
    "ollama": lambda request: ollama_wire.request_body(request, more={}),
}


class Asked:
    """What `compose` is built of: a runner with instructions, and a media store without files."""

    def __init__(self, instructions: str) -> None:
        self.runners: Any = {"chat": type("Runner", (), {"system_prompt": instructions})()}

    async def local(self, id: str) -> str:
        return "/nowhere/" + id


def a_turn(messages: Sequence[Sequence[Part]]) -> Turn:
    """Return a turn that answers several messages, as they are merged where replies are scarce."""
    found = [
        Message("wecomcs", "a", str(n), "s", "lin", "text", tuple(p), {}) for n, p in enumerate(messages)
    ]
    turn, *others = [Turn(ids.new_id(), message) for message in found]
    if others:
        turn.together, turn.message = others, merge(found)
    return turn


async def the_prompt(turn: Turn, instructions: str) -> list[ChatMessage]:
    """Return what `compose` makes of a turn."""

    async def inside(turn: Turn) -> None:
        """End there."""

    turn.route = {"runner": "chat"}
    stage: Any = Compose(Asked(instructions))  # type: ignore[arg-type]
    await stage(turn, inside)
    return turn.prompt


def texts(value: Any) -> Iterator[str]:
    """Yield the words of a body, as vendors name them, in their order."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in ("content", "text", "system") and isinstance(each, str):
                yield each
            else:
                yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def first_the_instructions(body: Json) -> Json:
    return {key: body[key] for key in sorted(body, key=lambda key: not key.startswith("system"))}


def parts(lines: Sequence[ChatMessage]) -> Iterator[ChatPart]:
    for line in lines:
        yield from line.parts


@pytest.mark.anyio
@given(EXCHANGES, MESSAGES, st.sampled_from(["", "Be kind."]), st.booleans(), st.booleans())
async def test_origins_cover_all_that_is_sent(
    exchanges: list[tuple[int, str, str]],
    messages: list[list[Part]],
    instructions: str,
    sees: bool,
    has_system: bool,
) -> None:
    turn = a_turn(messages)
    turn.history = lines_of(exchanges)
    prompt = shaped(await the_prompt(turn, instructions))
    lines, _ = await ready(prompt if has_system else without_system(prompt), Capabilities(images=sees))
    words = [part for part in parts(lines) if not isinstance(part, Attachment)]
    assert all(isinstance(part, Text) and part.origin for part in words)
    request = ChatRequest(lines, model="m")
    for vendor, form in FORMS.items():
        left = "".join(texts(first_the_instructions(form(request))))
        for part in words:
            assert isinstance(part, Text)
            if not wordless(part.text):
                before, found, left = left.partition(part.text.strip("\n") if vendor else part.text)
                assert found, (vendor, part)
                assert not before.strip("\n ") or before.strip("\n ") in GLUE, (vendor, before)
        for glue in GLUE:
            left = left.replace(glue, "")
        assert not left, (vendor, left)


@pytest.mark.anyio
async def test_a_part_names_the_turn_it_is_from_and_quotes_are_nobodys_own_words() -> None:
    quote = Part("quote", "the price list", {"name": "Bo"})
    turn = a_turn([[quote, text_part("how much?")], [text_part("and by when?")]])
    turn.history = lines_of([(7, "hi", "hello")])
    [system, asked, said, last] = await the_prompt(turn, "Be kind.")
    assert [line.origin for line in (system, asked, said)] == [
        origins.INSTRUCTIONS,
        origins.history(ids.show(7)),
        origins.history(ids.show(7)),
    ]
    [other] = turn.together
    found = [(part.origin, part.text) for part in last.parts if isinstance(part, Text)]
    assert [origin for origin, _ in found] == [
        origins.QUOTE,
        origins.JOINED,
        origins.MESSAGE,
        origins.JOINED,
        origins.message_of(other.id),
    ]
    assert last.content == turn.message.text
    assert {origins.kind_of(origin) for origin, _ in found} == {"quote", "joined", "message"}

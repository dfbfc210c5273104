"""Whatever an operator puts into a parked turn is refused, or the turn can be listed and ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from debug_house import a_house
from hypothesis import given
from hypothesis import strategies as st

from mindbot.debug.scopes import Known, scopes_of, set_at
from mindbot.domain.chat import Attachment, ChatMessage, Text
from mindbot.domain.errors import WrongValue
from mindbot.domain.message import Message, Part
from mindbot.domain.records import record_at
from mindbot.domain.turn import Turn

PICTURE = Attachment("image", "image/png", path="/media/one.png")
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "departments", "role", "content", "kind", "text", "data", "cut"]), inner
        )
    ),
    max_leaves=6,
)
PATHS = [
    *(f"variables.{name}" for name in ("user", "together", "asked", "finish", "transfer", "heard", "own")),
    *(
        "variables",
        "message.text",
        "route.runner",
        "route.model",
        "prompt",
        "prompt.0",
        "answer.text",
        "reply",
    ),
]


def a_turn() -> Turn:
    turn = Turn(
        1, Message("phone", "default", "k", "text", "lin", "lin", parts=(Part("text", "hello"),), reply_to={})
    )
    turn.prompt = [ChatMessage("user", [Text("look"), PICTURE])]
    turn.reply.parts.append(Part("text", "well"))
    return turn


@given(path=st.sampled_from(PATHS), value=ODD)
def test_any_value_is_refused_or_leaves_a_turn_that_is_recorded(path: str, value: Any) -> None:
    turn = a_turn()
    try:
        set_at(turn, path, value, Known(["chat"]))
    except WrongValue as error:
        assert str(error)
    record_at(turn)
    scopes_of(turn)
    Turn.from_json(turn.to_json())


@pytest.mark.parametrize("more", [{"path": "/etc/passwd"}, {"url": "http://127.0.0.1/x"}, {"data": "eHg="}])
@pytest.mark.parametrize("path", ["prompt", "prompt.0"])
def test_nothing_new_is_attached_to_a_prompt(path: str, more: dict[str, str]) -> None:
    turn = a_turn()
    kept = turn.prompt[0].to_json()
    bad = {"role": "user", "content": [{"kind": "image", "type": "image/png", **more}]}
    with pytest.raises(WrongValue, match="nothing new can be attached"):
        set_at(turn, path, [bad] if path == "prompt" else bad, Known())
    set_at(turn, path, [kept] if path == "prompt" else kept, Known())
    assert turn.prompt[0].attachments == (PICTURE,)


@pytest.mark.anyio
async def test_a_variable_of_ours_of_another_shape_is_refused_and_the_turn_ends(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run")
        turn = await house.say("hello")
        await house.parked(turn)
        for value in ("bob", ["bob"], {"name": 1}, {"departments": "x"}):
            with pytest.raises(WrongValue, match="own"):
                await house.edit(turn, "variables.user", value)
        await house.edit(turn, "variables.user", {"name": "Bob"})
        assert (await house.parked(turn))["user_name"] == "Bob"
        await house.act(turn, "resume")
        assert (await house.ended(turn))["reply"] == "you said hello"

"""Frames around hostile content on a live connection: each is stored, or counted as unread."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dingtalk_here import connected
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindbot.domain.errors import Invalid
from mindbot.platforms.dingtalk import content, wire
from mindbot.store.rows import storable
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio

HEAD = {"msgId": "m", "conversationId": "c", "conversationType": "1", "senderStaffId": "li"}
HEAD |= {"senderId": "$:li"}


def frame(data: Any, topic: str = wire.MESSAGES) -> str:
    headers = {"topic": topic, "messageId": "f"}
    return json.dumps({"type": "CALLBACK", "headers": headers, "data": data})


def text(said: str, id: str) -> dict[str, Any]:
    return {**HEAD, "msgId": id, "msgtype": "text", "text": {"content": said}}


async def test_odd_bytes_cost_no_message() -> None:
    odd = ["\x1b[0m", "\n", "\x00", "\ufffe", "\\ud83d"]
    async with connected() as here:
        for n, each in enumerate(odd):
            data = json.dumps(text("a@b", str(n))).replace("@", each)
            await here.sim.gateway.raw(frame(data))
        for raw in (b"\xff", b"\xe4\xbd", b"\xed\xa0\xbd", b"\x1b"):  # in the frame itself
            data = json.dumps(json.dumps(text("c@d", raw.hex())))
            whole = frame("@@").replace('"@@"', data).encode().replace(b"@", raw)
            await here.sim.gateway.raw(whole)
        await until(lambda: len(here.inbox.messages) == 9)
        assert here.texts()[:5] == ["a\x1b[0mb", "a\nb", "a\x00b", "a\ufffeb", "a\ufffdb"]
        assert {each.replace("\ufffd", "") for each in here.texts()[5:]} == {"cd", "c\x1bd"}
        assert here.bot.details()["unread"] == 0 and here.sim.counters["connected"] == 1


async def test_what_nobody_can_read_is_counted_and_acknowledged_where_it_has_an_id() -> None:
    unread = [frame("{"), frame("[]"), frame({"msgId": "m"}), frame("{}", wire.CARDS), frame(None)]
    async with connected() as here:
        for each in ("{", "[]", '{"headers":{"topic":[]}}', *unread):
            await here.sim.gateway.raw(each)
        assert (await here.sim.push_text("li", "hello")).acked
        await until(lambda: here.bot.details()["unread"] == 8)
        assert here.texts() == ["hello"] and here.bot.details()["acked"] == len(unread) + 1


async def test_durations_and_times_of_any_sort_are_taken() -> None:
    odd: list[Any] = ["²", "١٢", True, [], {}, "1e999", 10**30, -1, None, "5"]
    async with connected() as here:
        for n, each in enumerate(odd):
            media = {"downloadCode": "d", "duration": each}
            data = {**HEAD, "msgId": str(n), "msgtype": "video", "content": media, "createAt": each}
            await here.sim.gateway.raw(frame(json.dumps(data)))
        await until(lambda: len(here.inbox.messages) == len(odd))
        assert {m.kind for m in here.inbox.messages} == {"video"} and not here.bot.details()["left"]
        assert [m.parts[0].data.get("seconds") for m in here.inbox.messages][-1] == 5.0


async def test_what_a_mistake_of_ours_cannot_read_is_kept_and_not_pushed_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: Any) -> Any:
        raise TypeError("a defect")

    monkeypatch.setattr(content, "media", breaks)
    async with connected() as here:
        await here.sim.say("li", "picture", {"downloadCode": "d"})
        await until(lambda: here.bot.details()["acked"] == 1)
        (message,) = here.inbox.messages
        assert (message.text, message.sender) == ("[unreadable]", "li") and "downloadCode" in message.raw


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("text", "content", "richText", "repliedMsg", "duration", "downloadCode", "type", "cardData")
PIECE = st.dictionaries(st.sampled_from(NAMES), ANY)
BODY = st.dictionaries(st.sampled_from(NAMES), ANY | st.lists(PIECE, max_size=2))
TYPES = ("text", "richText", "picture", "audio", "video", "file", "interactiveCard", "")
ODD = st.dictionaries(st.sampled_from([*HEAD, "createAt"]), ANY)


@pytest.mark.full
@given(st.sampled_from(TYPES), ANY | BODY, ANY | BODY, ODD)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_content_is_a_message_that_can_be_stored(msgtype: str, inner: Any, quoted: Any, odd: Any) -> None:
    data = {
        **HEAD,
        "msgtype": msgtype,
        "text": inner,
        "content": inner,
        "repliedMsg": quoted,
        "atUsers": quoted,
        **odd,
    }
    read = wire.content_of(json.dumps(data))
    try:
        message = wire.to_message(read, "{}", bot="hr", received=1.0)
    except Invalid:
        assert {"msgId", "conversationId"} & odd.keys()
    else:
        assert storable(message) is message and isinstance(message.said, str)

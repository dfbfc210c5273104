"""Pages with entries that no document knows: each is kept, and holds up neither its page nor an account."""

from __future__ import annotations

from typing import Any

import aiohttp
import anyio
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wecomcs_here import ACCOUNT, connected

from mindbot.domain.message import Message
from mindbot.platforms.wecomcs import wire
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio


async def test_garbage_in_a_page_stops_nobody_and_is_kept_where_it_can_be() -> None:
    async with connected(fault="odd-entries") as here:
        await here.asked("hello")
        assert [(m.kind, m.text) for m in here.inbox.messages] == [
            ("event", "[unreadable]"),
            ("raw", "[hologram]"),
            ("event", "[event]"),
            ("text", "cut \ufffd"),
            ("raw", "[note]"),
            ("raw", "record\n: an object\n[…]\n[…]\n: half \ufffd"),
            ("text", "hello"),
        ]
        silence = await here.bot.silence(here.inbox.messages[2])
        assert silence is not None and silence.reason == "event event"


async def test_half_a_surrogate_is_written_by_a_customer_and_taken() -> None:
    async with connected() as here:
        await here.sim.push_text("wm1", "cut \ud83d")
        await until(lambda: here.texts() == ["cut \ufffd"])
        async with aiohttp.ClientSession() as session:
            body = b'{"user": "wm1", "text": "over HTTP \\udc00"}'
            async with session.post(f"{here.sim.base_url}/_sim/push", data=body) as answer:
                assert answer.status == 200
        await until(lambda: here.texts()[1:] == ["over HTTP \ufffd"])


_TYPES = st.sampled_from(
    ["text", "image", "location", "link", "event", "merged_msg", "msgmenu", "hologram", "", "origin"]
)
_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=6)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(["content", "title", "item", "menu_id", "event_type", "media_id", "external_userid"])
_BODY = _JSON | st.dictionaries(
    _NAMES, _JSON | st.lists(st.fixed_dictionaries({"msg_content": _JSON}), max_size=2), max_size=4
)
_FIELDS = ["msgid", "open_kfid", "external_userid", "send_time", "origin", "msgtype", "servicer_userid"]
_ENTRY = st.builds(
    lambda type, body, fields: {"msgtype": type, type: body, **fields},
    _TYPES,
    _BODY,
    st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=4),
)


@pytest.mark.slow
@given(entry=_ENTRY)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_entry_becomes_one_message_that_can_be_stored(entry: Any) -> None:
    message = wire.to_message(entry, bot="shop", received=1.0)
    assert message == wire.to_message(entry, bot="shop", received=1.0) and message.key
    assert Message.from_json(orjson.loads(orjson.dumps(message.to_json()))).key == message.key
    kept = wire.kept(entry, bot="shop", account=ACCOUNT, received=1.0)
    assert orjson.dumps(kept.to_json()) and kept.kind == "event" and kept.key


@pytest.mark.full
@given(entries=st.lists(_ENTRY | _JSON, max_size=12))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_page_holds_what_stands_beside_it_arrives_and_the_cursor_passes(entries: Any) -> None:
    async def run() -> None:
        async with connected(fault="odd-entries", pull_interval=60) as here:
            here.sim.odd = entries
            await here.asked("hello")
            assert here.health.states[-1] == "ok"
            assert len(here.inbox.messages) == len(entries) + 1
            odd = [entry for entry in entries if not isinstance(entry, dict)]
            assert here.bot.details()["accounts"][0]["unread"] == len(odd)
            assert here.keep.values[f"cursor:{ACCOUNT}"]["cursor"].endswith("1")

    anyio.run(run)


async def test_an_entry_that_breaks_the_reading_is_kept_and_said_by_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = wire._part

    def breaks(msgtype: str, body: Any) -> Any:
        if "break" in str(body):
            raise TypeError("a defect")
        return part(msgtype, body)

    monkeypatch.setattr(wire, "_part", breaks)
    async with connected() as here:
        here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": "break"}, "kfodd")
        await here.asked("hello")
        (odd,) = [m for m in here.inbox.messages if m.key == "kfodd"]
        assert odd.parts[0].kind == "raw" and odd.parts[0].data["entry"]["text"] == {"content": "break"}
        assert await here.bot.silence(odd) is not None


@pytest.mark.slow
async def test_a_defect_that_breaks_one_account_ends_no_other_and_is_told() -> None:
    async with connected(pull_interval=1) as here:
        receive = here.keep.receive

        async def breaks(messages: Any, values: Any, **more: Any) -> Any:
            if f"cursor:{ACCOUNT}" in values:
                raise TypeError("a defect")
            return await receive(messages, values, **more)

        here.keep.receive = breaks  # type: ignore[method-assign]
        await here.sim.push_text("wm1", "one")
        assert "TypeError: a defect" in await here.health.until("degraded")
        await here.sim.say("wm9", "text", {"content": "other"}, account="wkSIM2")
        await until(lambda: here.texts() == ["other"])
        here.keep.receive = receive  # type: ignore[method-assign]
        await until(lambda: here.texts() == ["other", "one"])

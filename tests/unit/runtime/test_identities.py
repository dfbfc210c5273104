"""One person under several ids: over the real runtime and store, also after a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NoReturn

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Kept
from mindbot.platforms.dingtalk import wire
from mindbot.runtime.app import Runtime
from mindbot.runtime.identities import Identities
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

SECRET = "$:LWCP_v1:$secret"


def frame(key: str, staff: str = "wang", **more: Any) -> Json:
    """Return a robot frame's data; without ``staff`` it brings the encrypted id alone."""
    known = {"senderStaffId": staff} if staff else {}
    return {
        "msgId": key,
        "msgtype": "text",
        "text": {"content": "hi"},
        "conversationId": "cid1",
        "conversationType": "1",
        "senderId": SECRET,
        "chatbotCorpId": "ding1",
        **known,
        **more,
    }


async def took(runtime: Runtime, data: Json, bot: str = "default") -> tuple[str, str, str]:
    """Let a message in; returns who its turn says it is from."""
    message = wire.to_message(data, "{}", bot=bot, received=0.0)
    receipt = await runtime.receive(message)
    found = (await runtime.resources.turns.wait_turn(ids.show(receipt.turn), 10))["message"]
    return found["sender"], found["session"], found["chat"]


async def test_a_message_without_the_staff_id_is_the_same_persons(tmp_path: Path) -> None:
    here = ("wang", "dingtalk:default:wang", "wang")
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            assert await took(runtime, frame("m1")) == here
            assert await took(runtime, frame("m2", staff="")) == here
            group = frame("m3", staff="", conversationType="2", conversationId="cidG")
            assert await took(runtime, group) == ("wang", "dingtalk:default:cidG:wang", "cidG")
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            assert await took(runtime, frame("m4", staff="")) == here
            elsewhere = await took(runtime, frame("m5", staff=""), bot="sales")
            assert elsewhere[:2] == ("wang", "dingtalk:sales:wang"), (
                "bots of one company know the same people"
            )


async def test_a_union_id_is_enough(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            await took(runtime, frame("m1", senderUnionId="u1"))
            other = frame("m2", staff="", senderId="$:LWCP_v1:$other", senderUnionId="u1")
            assert (await took(runtime, other))[0] == "wang"


async def test_nobody_is_taken_for_somebody_else(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            first = await took(runtime, frame("m1", staff=""))
            assert first[:2] == (SECRET, f"dingtalk:default:{SECRET}"), "nobody knows better yet"
            await took(runtime, frame("m2"))
            assert (await took(runtime, frame("m3", staff="")))[0] == "wang", "now somebody does"
            abroad = frame("m4", staff="", chatbotCorpId="ding2")
            assert (await took(runtime, abroad))[0] == SECRET, "another company's ids are its own"
            await took(runtime, frame("m5", staff="wang2"))
            assert (await took(runtime, frame("m6", staff="")))[0] == "wang2", "the newest word counts"


async def test_an_id_that_comes_in_no_message_for_a_year_goes(tmp_path: Path) -> None:
    day = 86400.0
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        now = time.time() - 360 * day

        async def settled(staff: str) -> tuple[str, int]:
            """Let a new process see a message; returns whose it was, and how many ids were written down."""
            here = Identities(store.keep, lambda: now)
            found, rows = [], []
            for key in "ab":  # the second time nothing is to be said of it
                message = wire.to_message(frame(key, staff=staff), "{}", bot="default", received=0.0)
                message, learnt = await here.settle(message)
                await store.keep.write(learnt)
                here.learn(learnt)
                found.append(message.sender)
                rows += learnt
            assert found[0] == found[1]
            return found[0], len(rows)

        assert await settled("wang") == ("wang", 1)
        now += 20 * day
        assert await settled("") == ("wang", 1), "renewed by whoever is taken for its person"
        assert await store.purge_kept() == 0 and await settled("") == ("wang", 1)
        over = Kept("dingtalk", "corp:ding1", f"alias:{SECRET}", {"user": "wang"}, time.time() - 1)
        await store.keep.write([over])
        assert await store.purge_kept() == 1
        assert await settled("") == (SECRET, 0)


async def full(*_: object) -> NoReturn:
    raise StoreError("disk full")


async def test_what_is_not_on_disk_is_not_learnt(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), tmp_path) as runtime:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(runtime.store.inbox, "put_all", full)
                with pytest.raises(StoreError):
                    await took(runtime, frame("m1"))
            assert (await took(runtime, frame("m2", staff="")))[0] == SECRET

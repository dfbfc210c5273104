"""Pictures and files are bounded singly, together in a request, and over all calls under way."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from mindbot.domain.chat import Attachment, Capabilities, ChatMessage
from mindbot.domain.errors import Overloaded
from mindbot.providers.shared.attachments import MOST_TOGETHER, encoded, ready
from mindbot.providers.shared.sending import SendingRoom

pytestmark = pytest.mark.anyio
SEES = Capabilities(images=True, files=True)
SIZE = 4 << 20


def picture(name: str, size: int = SIZE) -> Attachment:
    return Attachment("image", "image/png", name, data=bytes(size))


def line(*pictures: Attachment) -> ChatMessage:
    return ChatMessage("user", pictures)


@pytest.mark.parametrize("on_disk", [False, True])
async def test_the_newest_that_have_room_together_are_shown(on_disk: bool, tmp_path: Path) -> None:
    def shown(name: str) -> Attachment:
        if not on_disk:
            return picture(name)
        (tmp_path / name).write_bytes(bytes(SIZE))
        return Attachment("image", "image/png", name, path=str(tmp_path / name))

    lines = [line(shown(name)) for name in ("a", "b", "c", "d", "e")]
    found, left_out = await ready(lines, SEES)
    assert [bool(each.attachments) for each in found] == [False, False, True, True, True]
    assert left_out == [f"image {name}: too large beside the others" for name in ("a", "b")]
    assert sum(len(part.data) for each in found for part in each.attachments) <= MOST_TOGETHER
    assert found[0].content == "[image a: not shown to you]"


@pytest.mark.parametrize("size", [0, 1, 768 << 10, (768 << 10) + 1, (2 << 20) + 2])
def test_base64_in_pieces_is_base64(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    part = Attachment("image", "image/png", data=data[:size])
    assert encoded(part) == base64.b64encode(part.data).decode()


async def test_calls_wait_while_too_much_is_on_its_way() -> None:
    sending, order = SendingRoom(10), list[str]()

    async def send(name: str, size: int, until: anyio.Event) -> None:
        async with sending.room(name, [line(picture(name, size))], 60):
            order.append(name)
            await until.wait()

    go: Callable[[], anyio.Event] = anyio.Event
    first, others = go(), go()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, "a", 6, first)
        while order != ["a"]:
            await anyio.sleep(0)
        tasks.start_soon(send, "b", 6, others)
        with pytest.raises(Overloaded, match="on their way"):
            async with sending.room("late", [line(picture("c", 9))], 0):
                pass
        async with sending.room("words", [ChatMessage("user", "hi")], 0):
            assert order == ["a"]
        others.set()
        first.set()
    assert order == ["a", "b"]
    async with sending.room("all", [line(picture("d", 10))], 0):
        pass  # everything was given back

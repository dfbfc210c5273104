"""Files and other types, in both directions, within the platform's limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from wecomcs_here import ACCOUNT, Here, a_delivery, connected

from mindbot.domain.errors import MindBotError
from mindbot.domain.host import File
from mindbot.domain.message import Part
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


async def saved(here: Here, content: bytes, name: str) -> File:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return await here.bot._host.media.save(chunks(), name=name)


async def test_every_type_goes_out_and_is_shown() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        image, voice = await saved(here, PNG, "a.png"), await saved(here, b"#!AMR\n" + b"0" * 9, "b.amr")
        video, file = await saved(here, b"0000ftypmp42", "c.mp4"), await saved(here, b"0123456", "d.txt")
        shop = {"msgtype": "miniprogram", "miniprogram": {"appid": "a", "title": "Shop", "pagepath": "p"}}
        said = [
            Part("image", "", {"media": image.id}),
            Part("voice", "", {"media": voice.id}),
            Part("video", "", {"media": video.id}),
            Part("file", "", {"media": file.id, "name": "notes.txt"}),
            Part("link", "Help", {"url": "https://example.org", "media": image.id}),
            Part("raw", "", {**shop, "media": image.id}),
            Part("raw", "", {"msgtype": "ca_link", "ca_link": {"link_url": "https://example.org/ca"}}),
            Part("location", "Tower", {"latitude": 39.9, "longitude": 116.4, "address": "Street"}),
            Part("card", "Choose", {"buttons": [{"text": "A"}, {"text": "B", "url": "https://b"}]}),
        ]
        for n, part in enumerate(said):
            here.talk().left = 5
            here.keep.values.pop(f"talk:{ACCOUNT}:wm1", None)
            ((planned,),) = here.bot.plan([part])
            sent = await here.bot.send(a_delivery(to, planned, n=n))
            assert not sent.notes
        assert [m.msgtype for m in here.sim.inbox("wm1")] == [
            "image", "voice", "video", "file", "link", "miniprogram", "ca_link", "location", "msgmenu",
        ]  # fmt: skip
        assert here.shown()[-2:] == ["Tower Street 39.9,116.4", "Choose\nA\nB"]
        names = {name for _, _, name in here.sim.desk.media.values()}
        assert {"a.png", "b.amr", "c.mp4", "notes.txt"} <= names


async def test_a_file_too_large_for_its_kind_goes_as_a_file_and_says_so() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        big = await saved(here, b"\x89PNG\r\n\x1a\n" + b"0" * (2 << 20), "big.png")
        sent = await here.bot.send(a_delivery(to, Part("image", "[big]", {"media": big.id})))
        assert sent.notes["was"] == "image" and here.sim.inbox("wm1")[0].msgtype == "file"
        huge = await saved(here, b"0" * ((20 << 20) + 1), "huge.bin")
        sent = await here.bot.send(a_delivery(to, Part("file", "[huge.bin]", {"media": huge.id}), n=1))
        assert "20 MB" in sent.notes["why"] and here.shown()[1] == "[huge.bin]"
        gone = Part("file", "[gone]", {"media": "0" * 64 + ".bin"})
        sent = await here.bot.send(a_delivery(to, gone, n=2))
        assert "not in the media store" in sent.notes["why"] and here.shown()[2] == "[gone]"
        link = Part("link", "Help", {"url": "https://e.org", "media": big.id})
        sent = await here.bot.send(a_delivery(to, link, n=3))
        assert "preview" in sent.notes["why"] and here.shown()[3] == "Help https://e.org"


async def test_an_expired_media_id_is_told() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        with pytest.raises(MindBotError, match="media"):
            await here.bot.send(a_delivery(to, Part("image", "", {"media_id": "old"})))
        assert await here.bot.left(to) == 5


async def test_customers_files_are_fetched_slow_or_not() -> None:
    async with connected(fault="slow:50ms@media/get") as here:
        here.sim.desk.sends_file(ACCOUNT, "wm1", "image", PNG, "image/png", "a.png")
        here.sim.desk.sends_file(ACCOUNT, "wm1", "voice", b"0" * ((2 << 20) + 1), "audio/amr", "b.amr")
        await here.sim.ring()
        await until(lambda: len(here.inbox.messages) == 2)
        image, notice = here.inbox.messages
        file = await here.bot.fetch(image, image.parts[0])
        assert file is not None and (file.size, file.type) == (len(PNG), "image/png")
        assert notice.kind == "text" and "too large" in notice.text
        with pytest.raises(MindBotError):
            await here.bot.fetch(image, Part("image", "", {"media_id": "gone"}))
        assert await here.bot.fetch(image, Part("image", "")) is None

"""Files on their way out and in: kinds, limits, and what goes wrong."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from dingtalk_here import a_delivery, connected

from mindbot.domain.errors import Invalid, MindBotError, NetworkFailed, RateLimited, Rejected
from mindbot.domain.message import Part

pytestmark = pytest.mark.anyio


async def _chunk(content: bytes) -> Any:
    yield content


AMR = b"#!AMR\n" + b"x" * 40


@pytest.mark.parametrize(
    ("kind", "name", "content", "key", "shown"),
    [
        ("image", "cat.png", b"\x89PNG\r\n\x1a\n" + b"0" * 40, "sampleImageMsg", "[sampleImageMsg]"),
        ("image", "cat.webp", b"RIFF0000WEBP", "sampleFile", "cat.webp.zip"),
        ("voice", "hi.amr", AMR, "sampleAudio", "[sampleAudio]"),
        ("voice", "hi.mp3", b"ID3" + b"x" * 40, "sampleFile", "hi.mp3.zip"),
        ("video", "a.mp4", b"0000ftypmp42", "sampleVideo", "[sampleVideo]"),
        ("file", "a.pdf", b"%PDF-1.4", "sampleFile", "a.pdf"),
        ("file", "notes.txt", b"hello", "sampleFile", "notes.txt.zip"),
    ],
)
async def test_files_are_uploaded_and_sent_by_their_kind(
    kind: str, name: str, content: bytes, key: str, shown: str
) -> None:
    async with connected(run=False) as here:
        file = await here.bot._host.media.save(_chunk(content), name=name)
        (parts,) = here.bot.plan([Part(kind, "", {"media": file.id, "name": name})])
        await here.bot.send(a_delivery(here.bot.address("li"), *parts))
        (seen,) = here.sim.inbox("li")
        assert (seen.msgtype, seen.text) == (key, shown)
        if not shown.endswith(".zip"):
            assert content in [uploaded for _, uploaded in here.sim.robot.uploads.values()]


async def test_a_packed_file_holds_the_file() -> None:
    async with connected(run=False) as here:
        file = await here.bot._host.media.save(_chunk(b"hello"), name="notes.txt")
        await here.bot.send(a_delivery(here.bot.address("li"), Part("file", "", {"media": file.id})))
        ((_, content),) = here.sim.robot.uploads.values()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert [archive.read(name) for name in archive.namelist()] == [b"hello"]
    async with connected(run=False, pack_files=False) as here:
        file = await here.bot._host.media.save(_chunk(b"hello"), name="notes.txt")
        with pytest.raises(Rejected, match="pack_files"):
            await here.bot.send(a_delivery(here.bot.address("li"), Part("file", "", {"media": file.id})))


async def test_a_video_whose_picture_was_lost_is_not_uploaded_again() -> None:
    async with connected(run=False, fault="lost-answer:n=1:after=1@media/upload") as here:
        file = await here.bot._host.media.save(_chunk(b"0000ftypmp42"), name="a.mp4")
        delivery = a_delivery(here.bot.address("li"), Part("video", "", {"media": file.id}))
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(delivery)
        assert not caught.value.sent and not here.shown()
        await here.bot.send(delivery)
        assert [kind for kind, _ in here.sim.robot.uploads.values()] == ["video", "image", "image"]
        assert len(here.shown()) == 1


@pytest.mark.full
async def test_a_later_attempt_does_not_upload_again() -> None:
    async with connected(run=False, fault="throttle:n=1@batchSend") as here:
        file = await here.bot._host.media.save(_chunk(b"%PDF-1.4"), name="a.pdf")
        delivery = a_delivery(here.bot.address("li"), Part("file", "", {"media": file.id}))
        with pytest.raises(RateLimited):
            await here.bot.send(delivery)
        await here.bot.send(delivery)
        assert len(here.sim.robot.uploads) == 1 and len(here.shown()) == 1


async def test_a_file_that_is_too_large_names_the_limit() -> None:
    async with connected(run=False) as here:
        file = await here.bot._host.media.save(_chunk(b"x" * (21 << 20)), name="a.pdf")
        with pytest.raises(Invalid, match="20 MB at most"):
            await here.bot.send(a_delivery(here.bot.address("li"), Part("file", "", {"media": file.id})))


@pytest.mark.full
async def test_an_upload_that_was_too_much_is_made_again() -> None:
    async with connected(run=False, fault="90018:n=1@media/upload") as here:
        file = await here.bot._host.media.save(_chunk(b"%PDF-1.4"), name="a.pdf")
        delivery = a_delivery(here.bot.address("li"), Part("file", "", {"media": file.id}))
        with pytest.raises(RateLimited):
            await here.bot.send(delivery)
        await here.bot.send(delivery)
        assert len(here.shown()) == 1


@pytest.mark.parametrize("fault", ["expired-code", "cut-file", "403@/file"])
async def test_a_file_that_cannot_be_had_is_said_so(fault: str) -> None:
    async with connected(fault=[fault]) as here:
        code = here.sim.people.offer(b"%PDF-1.4" + b"0" * 5000)
        await here.sim.say("li", "file", {"downloadCode": code, "fileName": "a.pdf"})
        message = here.inbox.messages[0]
        with pytest.raises(MindBotError):
            await here.bot.fetch(message, message.parts[0])

"""Files, links and raw messages to the phones; what members send into the media store."""

import re

import pytest
from wecom_here import AMR, JPEG, MP4, PNG, a_delivery, connected

from mindbot.domain.errors import NetworkFailed, NotFound, Overloaded, Rejected
from mindbot.domain.message import Part
from mindbot.platforms.wecom.uploads import amr_seconds

pytestmark = [pytest.mark.anyio, pytest.mark.full]

FILES = {
    "image": (PNG, "图.png"),
    "voice": (AMR, "hello.amr"),
    "video": (MP4, "film.mp4"),
    "file": (b"%PDF-1.7 minutes", "minutes.pdf"),
}


@pytest.mark.parametrize("kind", FILES)
async def test_a_file_of_the_media_store_arrives_as_its_kind(kind: str) -> None:
    content, name = FILES[kind]
    async with connected() as here:
        part = await here.part(kind, content, name)
        assert here.bot.plan([part]) == [[part]]
        sent = await here.bot.send(a_delivery(part))
        (shown,) = here.sim.inbox("zhangsan")
        assert (shown.msgtype, shown.msgid) == (kind, sent.id)
        medium = here.sim.shelf.get(shown.body["media_id"])
        assert (medium.content, medium.name) == (content, name)
        assert "sent_as_file" not in sent.notes


async def test_a_video_has_a_title_and_its_limit_is_named() -> None:
    async with connected() as here:
        part = await here.part("video", MP4, "film.mp4", title="Monday", description="the meeting")
        await here.bot.send(a_delivery(part))
        assert here.sim.inbox("zhangsan")[0].body["title"] == "Monday"
        long = await here.part("video", MP4, "film.mp4", title="好" * 43)
        with pytest.raises(Rejected, match=r"video\.title has 129 bytes, the limit is 128"):
            await here.bot.send(a_delivery(long, n=1))


async def test_a_file_is_uploaded_once_also_across_a_restart() -> None:
    async with connected() as here:
        part = await here.part("image", PNG, "a.png")
        sent = [a_delivery(part, n=n) for n in range(3)]
        for delivery in sent:
            await here.bot.send(delivery)
        restarted = here.restarted()
        restarted.remember(sent)
        await restarted.send(a_delivery(part, n=3))
        assert here.sim.counters["media/upload"] == 1
        assert len(here.shown()) == 4


async def test_a_media_id_that_ended_is_replaced() -> None:
    async with connected() as here:
        part = await here.part("image", PNG, "a.png")
        await here.bot.send(a_delivery(part))
        here.sim.shelf.expire()
        await here.bot.send(a_delivery(part, n=1))
        assert here.sim.counters["media/upload"] == 2
        assert len(here.shown()) == 2


async def test_a_repeat_of_a_file_after_a_crash_is_shown_once() -> None:
    async with connected(fault="lost-answer:n=1@message/send") as here:
        part = await here.part("image", PNG, "a.png")
        with pytest.raises(NetworkFailed):
            await here.bot.send(a_delivery(part))
        await here.restarted().send(a_delivery(part, again=True))
        assert len(here.shown()) == 1


async def test_the_same_picture_as_two_answers_arrives_twice() -> None:
    async with connected() as here:
        part = await here.part("image", PNG, "a.png")
        for turn in (1, 2):
            await here.bot.send(a_delivery(part, turn=turn << 40))
        assert len(here.shown()) == 2


@pytest.mark.parametrize(
    ("kind", "content", "name", "why"),
    [
        ("image", b"RIFF0000WEBP" * 3, "a.webp", "an? image is jpg or jpeg or png"),
        ("voice", b"ID3 music", "song.mp3", "a voice is amr"),
        ("video", b"\x1aE\xdf\xa3 film", "a.mkv", "a video is mp4"),
        ("image", PNG + bytes(10 << 20), "big.png", "at most 10 MB"),
        (
            "voice",
            AMR * 0 + b"#!AMR\n" + (b"\x3c" + bytes(31)) * 3100,
            "long.amr",
            "at most 60 seconds, this one 62",
        ),
    ],
    ids=["webp", "mp3", "mkv", "large image", "long voice"],
)
async def test_what_is_no_picture_voice_or_video_goes_as_a_file(
    kind: str, content: bytes, name: str, why: str
) -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery(await here.part(kind, content, name)))
        (shown,) = here.sim.inbox("zhangsan")
        assert shown.msgtype == "file"
        assert re.search(why, sent.notes["sent_as_file"][0])


async def test_a_picture_that_wecom_does_not_like_goes_as_a_file() -> None:
    async with connected(sim={"image_limit": 40}) as here:
        sent = await here.bot.send(a_delivery(await here.part("image", PNG, "a.png")))
        assert here.sim.inbox("zhangsan")[0].msgtype == "file"
        assert "40009" in sent.notes["sent_as_file"][0]


@pytest.mark.parametrize(
    ("content", "says"),
    [(bytes((20 << 20) + 1), r"20\.0 MB, the limit is 20 MB"), (b"tiny", "4 bytes, WeCom takes 6")],
    ids=["large", "tiny"],
)
async def test_a_file_over_the_limit_is_refused_before_it_is_uploaded(content: bytes, says: str) -> None:
    async with connected() as here:
        part = await here.part("file", content, "a.bin")
        with pytest.raises(Rejected, match=says):
            await here.bot.send(a_delivery(part))
        assert not here.sim.counters["media/upload"]


async def test_a_file_that_is_gone_from_the_store_says_so() -> None:
    async with connected() as here:
        with pytest.raises(NotFound, match="retention"):
            await here.bot.send(a_delivery(Part("file", "", {"media": "0" * 64 + ".bin"})))


async def test_a_failing_upload_leaves_no_doubt_about_the_message() -> None:
    async with connected(fault="drop@media/upload") as here:
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(a_delivery(await here.part("image", PNG, "a.png")))
        assert caught.value.sent is False
        assert not here.shown()


def test_the_length_of_a_recording() -> None:
    assert amr_seconds(AMR) == 1.0
    assert amr_seconds(b"OggS") == 0.0
    assert amr_seconds(b"#!AMR\n\xff\xff") > 0


# -- links and raw messages ------------------------------------------------------------------------------


async def test_a_link_is_a_card_and_several_are_news() -> None:
    links = [
        Part("link", "Minutes\nof Monday", {"url": "https://example.org/1"}),
        Part("link", "Photos", {"url": "https://example.org/2", "picture": "https://example.org/2.png"}),
    ]
    async with connected() as here:
        await here.bot.send(a_delivery(links[0]))
        await here.bot.send(a_delivery(links[1], n=1))
        (both,) = here.bot.plan(links)
        await here.bot.send(a_delivery(*both, n=2))
        card, one, two = here.sim.inbox("zhangsan")
        assert (card.msgtype, card.text) == ("textcard", "Minutes\nof Monday\nhttps://example.org/1")
        assert (one.msgtype, one.body["articles"][0]["picurl"]) == ("news", "https://example.org/2.png")
        assert [a["title"] for a in two.body["articles"]] == ["Minutes", "Photos"]


RAW = {
    "miniprogram_notice": {
        "appid": "wx1",
        "title": "Meeting room",
        "content_item": [{"key": "A", "value": "B"}],
    },
    "textcard": {"title": "T", "description": "<div class='gray'>D</div>", "url": "https://example.org"},
    "template_card": {
        "card_type": "news_notice",
        "main_title": {"title": "T"},
        "card_image": {"url": "https://example.org/a.png", "aspect_ratio": 1.3},
        "card_action": {"type": 1, "url": "https://example.org"},
    },
}


@pytest.mark.parametrize("msgtype", RAW)
async def test_a_raw_message_of_wecoms_own_passes(msgtype: str) -> None:
    async with connected() as here:
        part = Part("card", "", {"msgtype": msgtype, msgtype: RAW[msgtype], "enable_id_trans": 1})
        (parts,) = here.bot.plan([part])
        await here.bot.send(a_delivery(*parts))
        (shown,) = here.sim.inbox("zhangsan")
        assert shown.msgtype == msgtype
        assert RAW[msgtype].items() <= shown.body.items()


async def test_mpnews_brings_its_own_media_id() -> None:
    async with connected() as here:
        thumb = here.sim.shelf.put("image", JPEG, "t.jpg")
        page = {"title": "T", "thumb_media_id": thumb, "content": "<p>long</p>"}
        part = Part("card", "", {"msgtype": "mpnews", "mpnews": {"articles": [page]}, "safe": 1})
        await here.bot.send(a_delivery(part))
        assert here.sim.inbox("zhangsan")[0].msgtype == "mpnews"


async def test_a_raw_message_without_its_object_says_so() -> None:
    async with connected() as here:
        with pytest.raises(Rejected, match=r"card\.news is missing"):
            await here.bot.send(a_delivery(Part("card", "", {"msgtype": "news"})))


async def test_several_receivers_and_who_was_not_reached() -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery("hello", to="zhangsan|nobody|Lisi"))
        assert sent.notes["not_reached"] == ["nobody"]
        assert here.shown("lisi") == ["hello"]


# -- in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
async def test_what_a_member_sends_comes_into_the_media_store(kind: str) -> None:
    content, name = FILES[kind]
    async with connected() as here:
        assert (await here.sim.push_file("zhangsan", kind, content, name)).acked
        assert not here.sim.counters["media/get"]  # not before the ack
        (part,) = here.last.parts
        assert part.kind == kind
        file = await here.bot.fetch(here.last, part)
        assert file is not None
        assert (await here.host.media.path(file.id)).read_bytes() == content
        assert (file.name, file.size) == (name, len(content))


@pytest.mark.parametrize("kind", FILES)
async def test_media_that_ended_is_told(kind: str) -> None:
    async with connected() as here:
        await here.sim.push_file("zhangsan", kind, *FILES[kind])
        here.sim.shelf.expire()
        with pytest.raises(Rejected, match=r"any more.*40007.*three days"):
            await here.bot.fetch(here.last, here.last.parts[0])


@pytest.mark.full
@pytest.mark.parametrize("fault", ["-1:n=2@media/get", "expired-token@media/get", "503:n=1@media/get"])
async def test_a_busy_wecom_is_asked_again(fault: str) -> None:
    async with connected() as here:
        await here.sim.push_file("zhangsan", "image", PNG)
        await here.bot._api.token()
        here.sim.faults.set([fault])
        assert await here.bot.fetch(here.last, here.last.parts[0]) is not None


@pytest.mark.full
async def test_a_busy_wecom_is_not_asked_for_ever() -> None:
    async with connected(fault="-1@media/get") as here:
        await here.sim.push_file("zhangsan", "image", PNG)
        with pytest.raises(Overloaded):
            await here.bot.fetch(here.last, here.last.parts[0])
        assert here.sim.counters["fault.-1"] == 3


async def test_a_part_without_a_media_id_has_nothing_to_fetch() -> None:
    async with connected() as here:
        await here.sim.push_text("zhangsan", "hello")
        assert await here.bot.fetch(here.last, Part("image", "", {})) is None

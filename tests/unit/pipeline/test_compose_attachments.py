"""What came with a message stands beside its words in the prompt."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline_house import House

from mindbot.domain.chat import Attachment, Text
from mindbot.domain.message import Part

pytestmark = pytest.mark.anyio


async def prompted(house: House, *parts: Part) -> tuple[object, ...]:
    turn = await house.run(parts=parts)
    return turn.prompt[-1].parts


async def test_a_picture_a_file_and_a_voice_are_attached(tmp_path: Path) -> None:
    house = House()
    house.local = {"1.png": tmp_path / "1.png", "2.pdf": tmp_path / "2.pdf", "3.mp3": tmp_path / "3.mp3"}
    words, picture, file, voice = await prompted(
        house,
        Part("text", "look"),
        Part("image", data={"media": "1.png", "type": "image/png"}),
        Part("file", data={"media": "2.pdf", "type": "application/pdf", "name": "bill.pdf"}),
        Part("voice", data={"media": "3.mp3", "type": "audio/mpeg"}),
    )
    assert words == Text("look", "message")
    assert picture == Attachment("image", "image/png", path=str(tmp_path / "1.png"), origin="message", alt="")
    assert isinstance(file, Attachment) and (file.kind, file.name) == ("file", "bill.pdf")
    assert isinstance(voice, Attachment) and voice.kind == "audio"


async def test_a_picture_alone_is_named_where_it_cannot_be_shown(tmp_path: Path) -> None:
    house = House()
    house.local = {"1.png": tmp_path / "1.png"}
    _, picture = await prompted(house, Part("image", data={"media": "1.png", "type": "image/png"}))
    assert isinstance(picture, Attachment) and picture.alt is None


async def test_one_that_is_gone_is_still_told_of() -> None:
    _, gone = await prompted(House(), Part("image", data={"media": "9.png", "type": "image/png"}))
    assert isinstance(gone, Attachment) and gone.path == ""


async def test_what_was_never_fetched_is_not_attached() -> None:
    house = House()
    house.files = {"": None}
    assert len(await prompted(house, Part("text", "hi"), Part("location", "here"))) == 1

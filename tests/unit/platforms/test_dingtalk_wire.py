"""Frames of DingTalk, one of each kind, and what is read in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mindbot.domain.errors import Invalid
from mindbot.domain.message import Message
from mindbot.platforms.dingtalk import wire

MESSAGES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "dingtalk" / "messages.json").read_text()
)
OLD = {"id": "msgOLD=="}

#: name → kind, and of each part its kind, its text, and some of its data.
READ: dict[str, tuple[str, list[tuple[str, str, dict[str, Any]]]]] = {
    "text": ("text", [("text", "hello", {})]),
    "group-text": ("text", [("text", "hello", {})]),
    "group-mentions": (
        "text",
        [
            ("text", "ask @Wang", {}),
            ("mention", "", {"user": "wang"}),
            ("mention", "", {"user": "", "id": "$:LWCP_v1:$OUT"}),
        ],
    ),
    "richText": (
        "text",
        [
            ("text", "look", {}),
            ("image", "[image]", {"code": "dc1"}),
            ("text", "@Wang\nthere", {}),
            ("mention", "", {"user": "wang"}),
        ],
    ),
    "richText-pictures": (
        "image",
        [("image", "[image]", {"code": "dc1"}), ("image", "[image]", {"code": "dc2"})],
    ),
    "richText-empty": ("text", [("text", "", {})]),
    "picture": ("image", [("image", "[image]", {"code": "dc1"})]),
    "picture-thumbnail": ("image", [("image", "[image]", {"code": "pdc1"})]),
    "audio": ("voice", [("voice", "recognised words", {"code": "dc2", "seconds": 4.0})]),
    "video": ("video", [("video", "[video]", {"code": "dc4", "seconds": 4.0})]),
    "video-seconds": ("video", [("video", "[video]", {"code": "dc4", "seconds": 5.0})]),
    "file": ("file", [("file", "[file: a.pdf]", {"code": "dc3", "name": "a.pdf", "fileId": "2"})]),
    "unknown": ("raw", [("raw", "this kind cannot be received", {"msgtype": "unknownMsgType"})]),
    "chat-record": ("raw", [("raw", "Li: hi", {"msgtype": "chatRecord"})]),
    "interactive-card": ("raw", [("raw", "[interactiveCard]", {"msgtype": "interactiveCard"})]),
    "markdown": ("raw", [("raw", "T", {"msgtype": "markdown"})]),
    "quote-text": ("text", [("quote", "earlier text", OLD), ("text", "about this", {})]),
    "quote-picture": (
        "text",
        [
            ("quote", "[picture]", OLD),
            ("image", "[image]", {"code": "dcq", "quoted": True}),
            ("text", "about this", {}),
        ],
    ),
    "quote-file": (
        "text",
        [
            ("quote", "a.pdf", OLD),
            ("file", "[file: a.pdf]", {"code": "dcq", "quoted": True}),
            ("text", "about this", {}),
        ],
    ),
    "quote-file-without-code": ("text", [("quote", "a.pdf", OLD), ("text", "about this", {})]),
    "quote-audio": (
        "text",
        [
            ("quote", "old words", OLD),
            ("voice", "old words", {"code": "dcq", "seconds": 2.0, "quoted": True}),
            ("text", "about this", {}),
        ],
    ),
    "quote-video": (
        "text",
        [
            ("quote", "[video]", OLD),
            ("video", "[video]", {"code": "dcq", "seconds": 3.0, "quoted": True}),
            ("text", "about this", {}),
        ],
    ),
    "quote-rich-text": (
        "text",
        [
            ("quote", "two [image]", OLD),
            ("image", "[image]", {"code": "dcq", "quoted": True}),
            ("text", "about this", {}),
        ],
    ),
    "quote-card": ("text", [("quote", "Answer", OLD | {"ours": "carrier-1"}), ("text", "about this", {})]),
    "quote-without-content": ("text", [("quote", "", OLD), ("text", "about this", {})]),
    "quote-of-ours-only": ("text", [("quote", "", {"ours": "key-1"}), ("text", "about this", {})]),
    "quote-in-picture": ("image", [("quote", "earlier text", OLD), ("image", "[image]", {"code": "dc1"})]),
    "quote-legacy": ("text", [("quote", "earlier text", OLD), ("text", "about this", {})]),
    "quote-content": ("text", [("quote", "earlier text", {}), ("text", "about this", {})]),
    "outsider": ("text", [("text", "hi", {})]),
    "quota": ("event", [("raw", "[text: 本月消息额度已用完 (20001)]", {"code": "20001"})]),
    "quota-other-names": ("event", [("raw", "[picture: quota (20001)]", {"code": "20001"})]),
    "times-as-text": ("text", [("text", "hi", {})]),
    "times-as-nonsense": ("text", [("text", "hi", {})]),
    "delegated": ("text", [("text", "are you there?", {})]),
    "no-type": ("raw", [("raw", "[unknown]", {})]),
}


def read(name: str) -> Message:
    raw = json.dumps(MESSAGES[name], ensure_ascii=False)
    return wire.to_message(wire.content_of(raw), raw, bot="hr", received=1.0)


def test_there_is_an_expectation_for_each_recorded_message() -> None:
    assert MESSAGES.keys() == READ.keys()


@pytest.mark.parametrize("name", READ)
def test_each_kind_is_read(name: str) -> None:
    message = read(name)
    kind, parts = READ[name]
    assert message.kind == kind
    assert [(part.kind, part.text) for part in message.parts] == [(k, text) for k, text, _ in parts]
    for part, (_, _, data) in zip(message.parts, parts, strict=True):
        assert data.items() <= part.data.items()
    assert message.key == "msgAAAA=="
    assert json.loads(message.raw) == MESSAGES[name]
    assert Message.from_json(json.loads(json.dumps(message.to_json(), allow_nan=False))) == message


def test_who_is_answered_and_where() -> None:
    private, group, outsider = read("text"), read("group-text"), read("outsider")
    assert (private.session, private.chat) == ("dingtalk:hr:user001", "user001")
    assert (group.session, group.chat) == ("dingtalk:hr:cidTEAM==:user001", "cidTEAM==")
    assert outsider.sender == "$:LWCP_v1:$SENDER" and outsider.reply_to["user"] == ""
    assert group.reply_to == {
        "conversation": "cidTEAM==",
        "group": True,
        "user": "user001",
        "webhook": "https://oapi.dingtalk.com/robot/sendBySession?session=abc",
        "until": 1_700_005_400.0,
    }


def test_times_may_be_text() -> None:
    assert read("times-as-text").ts == 1_700_000_000.0
    assert read("times-as-nonsense").ts == read("times-as-nonsense").reply_to["until"] == 0.0


def test_half_a_surrogate_pair_can_be_stored() -> None:
    raw = '{"msgId":"m","conversationId":"c","msgtype":"text","text":{"content":"a\\ud83d b\\ud83d\\ude00"}}'
    message = wire.to_message(wire.content_of(raw), raw, bot="hr", received=1.0)
    assert message.text.encode().decode() == "a� b😀"


@pytest.mark.parametrize("data", ["{", "[]", "7", "null", '"x"', None, 7, "[" * 100_000])
def test_what_is_no_object_is_invalid(data: Any) -> None:
    with pytest.raises(Invalid):
        wire.content_of(data)


@pytest.mark.parametrize("gone", ["msgId", "conversationId"])
def test_a_message_without_an_id_is_invalid(gone: str) -> None:
    with pytest.raises(Invalid):
        wire.to_message({**MESSAGES["text"], gone: ""}, "{}", bot="hr", received=1.0)


def test_a_press_is_read() -> None:
    content = {"cardPrivateData": {"actionIds": ["ok"], "params": {"n": 1, "deep": {"x": []}}}}
    data = {"outTrackId": "t", "userId": "li", "content": json.dumps(content)}
    press = {"user": "li", "action": "ok", "params": {"n": 1, "deep": {"x": []}}}
    assert wire.action_of(data) == ("t", press)
    assert wire.action_of({**data, "content": content})[1]["action"] == "ok"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"outTrackId": "t"},
        {"outTrackId": "t", "content": "{"},
        {"outTrackId": "t", "content": "[]"},
        {"outTrackId": "t", "content": '{"cardPrivateData":7}'},
        {"content": '{"cardPrivateData":{}}'},
    ],
)
def test_what_is_no_press_is_invalid(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        wire.action_of(data)


def test_an_ack_echoes_the_id_and_carries_text() -> None:
    told = json.loads(wire.ack({"messageId": "m1", "topic": "x"}, {"response": None}))
    assert told == {
        "code": 200,
        "headers": {"messageId": "m1", "contentType": "application/json"},
        "message": "OK",
        "data": '{"response": null}',
    }

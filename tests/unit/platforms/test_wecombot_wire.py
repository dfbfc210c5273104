"""Callbacks of AI bots as messages, and replies as they send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain import plain
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.platforms.wecombot import say, wire

HEAD: Json = {"msgid": "M1", "aibotid": "BOT1", "chattype": "single", "from": {"userid": "zhangsan"}}
GROUP: Json = HEAD | {"chattype": "group", "chatid": "CHAT1"}


def message(body: Json, **more: Any) -> Message:
    return wire.to_message(body, json.dumps(body), bot="hr", received=5.0, **more)


def said(msgtype: str, **content: Any) -> Json:
    return {**HEAD, "msgtype": msgtype, msgtype: content}


@pytest.mark.parametrize(
    ("body", "kind", "parts"),
    [
        (said("text", content="hello"), "text", [text_part("hello")]),
        (said("voice", content="spoken"), "voice", [Part("voice", "spoken")]),
        (
            said("image", url="u", aeskey="k"),
            "image",
            [Part("image", "[image]", {"url": "u", "aeskey": "k"})],
        ),
        (said("file", url="u"), "file", [Part("file", "[file]", {"url": "u"})]),
        (said("video", url="u"), "video", [Part("video", "[video]", {"url": "u"})]),
        (
            said(
                "mixed",
                msg_item=[
                    {"msgtype": "text", "text": {"content": "look"}},
                    {"msgtype": "image", "image": {"url": "u"}},
                    "garbage",
                ],
            ),
            "text",
            [text_part("look"), Part("image", "[image]", {"url": "u"})],
        ),
        (
            said("mixed", msg_item=[{"msgtype": "image", "image": {"url": "u"}}]),
            "image",
            [Part("image", "[image]", {"url": "u"})],
        ),
        (
            said("text", content="why?") | {"quote": {"msgtype": "text", "text": {"content": "earlier"}}},
            "text",
            [Part("quote", "earlier", {"kind": "text"}), text_part("why?")],
        ),
        (
            said("text", content="this?") | {"quote": {"msgtype": "image", "image": {"url": "u"}}},
            "text",
            [
                Part("quote", "[image]", {"kind": "image"}),
                Part("image", "[image]", {"url": "u", "quoted": True}),
                text_part("this?"),
            ],
        ),
        (
            said("hologram", x=1),
            "raw",
            [Part("raw", "[hologram]", {"msgtype": "hologram", "content": {"x": 1}})],
        ),
    ],
)
def test_what_is_said_becomes_parts(body: Json, kind: str, parts: list[Part]) -> None:
    found = message(body)
    assert (found.kind, list(found.parts)) == (kind, parts)
    assert (found.key, found.sender, found.session) == ("M1", "zhangsan", "wecombot:hr:zhangsan")
    assert json.loads(found.raw) == body


@pytest.mark.parametrize(
    ("text", "robot", "left"),
    [
        ("@Bot explain", "", "explain"),
        ("@Bot\u2005explain @me", "", "explain @me"),
        ("@My Bot explain", "My Bot", "explain"),
        ("@Bot", "", ""),
        ("no mention", "", "no mention"),
        ("@li look", "Bot", "@li look"),
    ],
)
def test_the_bots_name_is_taken_off_in_groups_alone(text: str, robot: str, left: str) -> None:
    content = {"msgtype": "text", "text": {"content": text}}
    found = message(GROUP | content, robot=robot)
    assert (found.text, found.session, found.chat) == (left, "wecombot:hr:CHAT1:zhangsan", "CHAT1")
    assert message(HEAD | content, robot=robot).text == text


def test_events_keep_what_they_bring() -> None:
    feedback = {"id": "FB1", "type": 2, "content": "wrong", "inaccurate_reason_list": [2, 4]}
    event = {"eventtype": "feedback_event", "feedback_event": feedback}
    found = message(HEAD | {"msgtype": "event", "event": event, "create_time": 1700000000})
    assert (found.kind, found.text, found.ts) == ("event", "[feedback_event]", 1700000000)
    assert wire.feedback_of(found.parts[0].data) == (
        "FB1",
        {"feedback": "dislike", "content": "wrong", "reasons": [2, 4]},
    )
    items = {"selected_item": [{"question_key": "q1", "option_ids": {"option_id": ["a", "b"]}}]}
    press = {"event_key": "submit", "task_id": "T1", "selected_items": items}
    assert wire.press_of({"template_card_event": press}) == ("T1", "submit", ["a", "b"])


@pytest.mark.parametrize("body", [{}, {"msgid": "M1"}, {"from": {"userid": "u"}}, {"msgid": 7, "from": []}])
def test_what_is_no_message_is_refused(body: Json) -> None:
    with pytest.raises(Invalid, match="no msgid"):
        message(body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
TYPES = ("text", "image", "mixed", "voice", "file", "video", "event", "stream", "hologram")


@given(st.sampled_from(TYPES), anything, anything, st.sampled_from(["single", "group", None]))
def test_no_body_breaks_the_reading_and_what_is_read_can_be_stored(
    msgtype: str, content: Any, quote: Any, chat: Any
) -> None:
    body = HEAD | {"msgtype": msgtype, msgtype: content, "quote": quote, "chattype": chat, "chatid": content}
    found = message(plain.plain(body))
    assert Message.from_json(json.loads(json.dumps(found.to_json()))) == found
    found.raw.encode()
    event = wire.event_of(body)
    assert isinstance(wire.press_of(event)[2], list) and wire.feedback_of(event)[1]["feedback"]
    assert isinstance(wire.polled(body), str)


BUTTONS = {"title": "Q", "buttons": [{"id": "y", "text": "Yes", "value": "yes!"}, {"text": "No"}]}


def test_a_card_has_keys_that_come_back_and_shows_what_was_pressed() -> None:
    part = Part("card", "Shall we?", BUTTONS)
    made = say.card(part, "t1")
    assert (made["card_type"], made["task_id"]) == ("button_interaction", "t1")
    assert [b["key"] for b in made["button_list"]] == ["y", "1"]
    assert (
        say.label_of(part, "y") == "yes!"
        and say.label_of(part, "1") == "No"
        and say.label_of(part, "?") == "?"
    )
    assert [b["text"] for b in say.pressed(part, "t1", "1")["button_list"]] == ["✓ No"]
    links = Part("card", "Read", {"buttons": [{"text": "Terms", "url": "https://example.org"}]})
    made = say.card(links, "t2")
    assert made["card_type"] == "text_notice" and made["card_action"]["url"] == "https://example.org"
    raw = {"card_type": "vote_interaction", "task_id": "own"}
    assert say.card(Part("card", "", {"template_card": raw}), "t3") == raw


@given(
    st.lists(st.tuples(st.sampled_from(["text", "markdown", "image", "card", "link"]), st.text()), max_size=6)
)
def test_every_plan_fits_the_wire(parts: list[tuple[str, str]]) -> None:
    given_parts = [
        Part(kind, text, {"media": "m"} if kind == "image" else BUTTONS if kind == "card" else {})
        for kind, text in parts
    ]
    for plan in (say.plan_stream(given_parts), say.plan_messages(given_parts)):
        for planned in plan:
            assert len(say.text_of(planned).encode()) <= say.MAX_TEXT
    whole = say.plan_stream(given_parts)
    assert len(whole) <= 2
    assert sum(part.kind == "card" for message in whole for part in message) <= 1


def test_what_grows_never_exceeds_the_wire_and_is_never_empty() -> None:
    assert say.so_far("", "…") == say.so_far(" \n", "…") == "…"
    assert say.so_far("\ud800x", "…") == "\ufffdx"
    assert len(say.so_far("好" * 30_000, "…").encode()) <= say.MAX_TEXT
    assert say.turn_of(say.stream_id("01ABC")) == "01ABC" and say.turn_of("else-1") == ""

"""Quoted words are not the sender's own: the model sees them marked, rules and commands do not see them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mindbot.domain.message import Json, Message, Part
from mindbot.domain.records import message_record
from mindbot.domain.turn import Turn
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.language import parse
from mindbot.platforms.dingtalk import wire as dingtalk
from mindbot.platforms.wecombot import wire as wecombot


def asked(quoted: Json, *, words: str = "is that so?", **more: Any) -> Message:
    """Return a DingTalk message that quotes another."""
    text = {"content": words, "isReplyMsg": True, "repliedMsg": {"msgId": "q1", **quoted}}
    data = {
        "msgId": "m1",
        "conversationId": "c1",
        "senderStaffId": "li",
        "senderId": "$:li",
        "msgtype": "text",
    }
    return dingtalk.to_message({**data, "text": text, **more}, "{}", bot="hr", received=1.0)


TREE = {"type": "ROOT", "children": [{"children": [{"value": "moved"}, {"children": [{"text": "to May"}]}]}]}
CARD = {"cardData": {"cardParamMap": {"sys_full_json_obj": '{"a":1}', "content": "moved\nto May"}}}
OTHER = {"cardParamMap": {"headline": "moved", "link": "https://example.com", "line": "to May"}}


@pytest.mark.parametrize(
    "quoted",
    [
        {"msgType": "text", "content": {"text": "moved\nto May"}},
        {"msgType": "text", "text": {"content": "moved\nto May"}},
        {"msgType": "text", "content": '{"text": "moved\\nto May"}'},
        {
            "msgType": "richText",
            "content": {"richText": [{"text": "mov"}, {"text": "ed\n"}, {"text": "to May"}]},
        },
        {"msgType": "richText", "content": {"richText": [{"msgType": "text", "content": "moved\nto May"}]}},
        {"msgType": "interactiveCard", "content": {"cardContent": TREE}},
        {"msgType": "interactiveCard", "content": {"cardContent": json.dumps(TREE)}},
        {"msgType": "interactiveCard", "content": CARD},
        {"msgType": "interactiveCard", **CARD},
        {"msgType": "interactiveCard", "cardData": json.dumps(CARD["cardData"])},
        {"msgType": "interactiveCard", "content": OTHER},
    ],
)
def test_dingtalks_quotes_are_read_in_all_their_namings(quoted: Json) -> None:
    message = asked(quoted)
    assert message.parts[0].kind == "quote" and message.parts[0].text == "moved\nto May"
    assert message.text == "> [quoted]\n> moved\n> to May\nis that so?"
    assert message.said == "is that so?"


def test_whose_words_they_are_is_said_where_it_is_known() -> None:
    quoted = {"msgType": "text", "content": {"text": "moved"}}
    names = [
        asked({**quoted, "senderId": "$:bot"}, chatbotUserId="$:bot"),
        asked(quoted, originalProcessQueryKey="key"),
        asked({**quoted, "senderNick": "Wang\nWei"}),
        asked({**quoted, "senderId": "$:li"}, senderNick="Li"),
    ]
    heads = [message.text.splitlines()[0] for message in names]
    assert heads == [f"> [quoted from {who}]" for who in ("the bot", "the bot", "Wang Wei", "Li")]


def test_a_long_quote_says_that_it_goes_on() -> None:
    text = asked({"content": {"text": "x" * 900}}).parts[0].text
    assert len(text) == 500 and text.endswith("x…")
    quote = {"msgtype": "text", "text": {"content": "x" * 900}}
    assert bot_said("why?", quote).parts[0].text == text


def bot_said(text: str, quote: Any = None, *, robot: str = "", chat: str = "single") -> Message:
    """Return an AI bot's message."""
    body = {"msgid": "m1", "from": {"userid": "li"}, "chattype": chat, "chatid": "g1", "msgtype": "text"}
    body |= {"text": {"content": text}} | ({"quote": quote} if quote is not None else {})
    return wecombot.to_message(body, "{}", bot="b", robot=robot, received=1.0)


def test_all_files_of_a_quote_are_kept_and_are_not_ones_own() -> None:
    items = [
        {"msgtype": "text", "text": {"content": "two plans"}},
        {"msgtype": "image", "image": {"url": "https://x/1", "aeskey": "k"}},
        {"msgtype": "image", "image": {"url": "https://x/2"}},
    ]
    message = bot_said("which?", {"msgtype": "mixed", "mixed": {"msg_item": items}})
    assert [part.kind for part in message.parts] == ["quote", "image", "image", "text"]
    assert [part.data["url"] for part in message.parts if part.kind == "image"] == [
        "https://x/1",
        "https://x/2",
    ]
    assert (message.said, message.kind) == ("which?", "text")
    assert message.text == "> [quoted]\n> two plans\n> [image]\n> [image]\nwhich?"


def test_filters_see_ones_own_words_and_the_quote_apart() -> None:
    record = message_record(Turn(1, asked({"content": {"text": "cancel everything"}}, words="why?")))
    assert (record["text"], record["quote"]) == ("why?", "cancel everything")
    assert not parse('text =~ "cancel"', TURN_FIELDS).compile()(record)
    assert parse('quote =~ "cancel"', TURN_FIELDS).compile()(record)
    assert "quote" not in message_record(Turn(1, bot_said("hello")))


def test_a_message_that_is_a_quote_alone_is_still_shown() -> None:
    assert Message("p", "b", "k", "s", "u", "text", (Part("quote", "a"),), {}).text == "> [quoted]\n> a"


@pytest.mark.parametrize(
    ("text", "robot", "left"),
    [
        ("@Helper hello", "", "hello"),
        ("＠Helper\u2005hello", "", "hello"),
        ("@Helper", "", ""),
        ("@Helper hello", "Helper", "hello"),
        ("＠Helper hello", "Helper", "hello"),
        ("@Wang @Helper /list", "Helper", "@Wang /list"),
        ("@Wang ＠Li @Helper /list @Helper", "Helper", "@Wang ＠Li /list @Helper"),
        ("@My Helper hello", "My Helper", "hello"),
        ("@Helper，hello", "Helper", "，hello"),
        ("@Wang hello @Helper", "Helper", "@Wang hello @Helper"),
        ("ask @Helper", "Helper", "ask @Helper"),
    ],
)
def test_the_bots_own_mention_is_taken_off(text: str, robot: str, left: str) -> None:
    assert bot_said(text, robot=robot, chat="group").text == left


def test_a_rich_text_keeps_its_lines_and_blanks() -> None:
    pieces = [
        {"text": "run "},
        {"text": "this"},
        {"text": ":\n    first\n    second"},
        {"type": "at", "atName": "Wang", "atUserId": "wang"},
        {"type": "at", "atName": "Helper", "atUserId": "$:bot"},
        {"type": "picture", "downloadCode": "d1"},
        {"text": " done\n"},
    ]
    data = {"msgId": "m", "conversationId": "c", "chatbotUserId": "$:bot", "msgtype": "richText"}
    message = dingtalk.to_message({**data, "content": {"richText": pieces}}, "{}", bot="b", received=1.0)
    assert message.text == "run this:\n    first\n    second@Wang\n[image]\ndone"
    assert message.parts[-1] == Part("mention", "", {"user": "wang"})

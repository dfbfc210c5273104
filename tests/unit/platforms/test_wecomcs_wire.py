"""Customer service, pure: entries to messages, replies to few messages, parts to bodies. From tables."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.delivery import Delivery
from mindbot.domain.host import File
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.wecomcs import files, say, wire
from mindbot.platforms.wecomcs.events import described

PAGE: Json = json.loads("""
{"errcode": 0, "errmsg": "ok", "next_cursor": "CUR2", "has_more": 0, "msg_list": [
{"msgid": "k1", "open_kfid": "wkAAAA1", "external_userid": "wmBBBB1", "send_time": 1700000000, "origin": 3,
 "msgtype": "text", "text": {"content": "hello"}},
{"msgid": "k2", "open_kfid": "wkAAAA1", "external_userid": "wmBBBB1", "send_time": 1700000001, "origin": 3,
 "msgtype": "text", "text": {"content": "Yes", "menu_id": "yes"}},
{"msgid": "k3", "open_kfid": "wkAAAA1", "external_userid": "wmBBBB1", "send_time": 1700000002, "origin": 5,
 "servicer_userid": "zhangsan", "msgtype": "text", "text": {"content": "I take over"}},
{"msgid": "k4", "send_time": 1700000003, "origin": 4, "msgtype": "event", "event": {"event_type":
 "enter_session", "open_kfid": "wkAAAA1", "external_userid": "wmBBBB2", "scene": "web", "scene_param": "a=1",
 "welcome_code": "WC1"}},
{"msgid": "k5", "send_time": 1700000004, "origin": 4, "msgtype": "event", "event": {"event_type":
 "msg_send_fail", "open_kfid": "wkAAAA1", "external_userid": "wmBBBB1", "fail_msgid": "out1",
 "fail_type": 6}}]}
""")


def read(entry: Json) -> Message:
    return wire.to_message(entry, bot="shop", received=1.0)


def test_a_page_of_the_documents_is_read() -> None:
    said = [read(entry) for entry in PAGE["msg_list"]]
    assert [(m.key, m.kind, m.sender, m.text) for m in said] == [
        ("k1", "text", "wmBBBB1", "hello"),
        ("k2", "text", "wmBBBB1", "Yes"),
        ("k3", "event", "zhangsan", "I take over"),
        ("k4", "event", "wmBBBB2", "[enter_session]"),
        ("k5", "event", "wmBBBB1", "[msg_send_fail]"),
    ]
    assert {m.session for m in said} == {"wecomcs:shop:wkAAAA1:wmBBBB1", "wecomcs:shop:wkAAAA1:wmBBBB2"}
    assert said[1].parts[0].data == {"menu_id": "yes"}
    assert [m.parts[0].data.get("origin") for m in said] == [None, None, "servicer", "system", "system"]
    assert said[3].reply_to == {"touser": "wmBBBB2", "open_kfid": "wkAAAA1"} and said[0].ts == 1700000000


@pytest.mark.parametrize(
    ("msgtype", "body", "kind", "text"),
    [
        ("image", {"media_id": "M"}, "image", "[image]"),
        ("voice", {"media_id": "M"}, "voice", "[voice]"),
        ("video", {"media_id": "M"}, "video", "[video]"),
        ("file", {"media_id": "M"}, "file", "[file]"),
        (
            "location",
            {"latitude": 1, "longitude": 2, "name": "Tower", "address": "St"},
            "location",
            "Tower St",
        ),
        ("link", {"title": "T", "desc": "D", "url": "https://a", "pic_url": ""}, "link", "T"),
        ("business_card", {"userid": "anna"}, "raw", "anna"),
        ("miniprogram", {"title": "Shop", "appid": "a", "pagepath": "p"}, "raw", "Shop"),
        ("msgmenu", {"head_content": "Choose", "list": [], "tail_content": ""}, "raw", "Choose"),
        ("channels_shop_product", {"product_id": "1", "title": "Cup"}, "raw", "Cup"),
        ("channels_shop_order", {"order_id": "1", "product_titles": "Cup"}, "raw", "Cup"),
        ("channels", {"sub_type": 1, "nickname": "N", "title": "V"}, "raw", "V"),
        ("meeting", {}, "raw", "[meeting]"),
        ("schedule", {}, "raw", "[schedule]"),
        ("note", {}, "raw", "[note]"),
        ("hologram", {"x": 1}, "raw", "[hologram]"),
    ],
)
def test_every_type_becomes_a_message(msgtype: str, body: Json, kind: str, text: str) -> None:
    entry = {"msgid": "k", "open_kfid": "a", "external_userid": "c", "origin": 3, "send_time": 1}
    message = read({**entry, "msgtype": msgtype, msgtype: body})
    assert (message.kind, message.text) == (kind, text)
    assert json.loads(message.raw)[msgtype] == body


def test_a_forwarded_record_is_readable_whatever_is_in_it() -> None:
    items: list[Any] = [
        {"sender_name": "li", "msgtype": "text", "msg_content": '{"text":{"content":"hi"}}'},
        {"sender_name": "li", "msgtype": "image", "msg_content": "{}"},
        {"msg_content": "no json"},
        "no object",
    ]
    entry = {"msgid": "k", "msgtype": "merged_msg", "merged_msg": {"title": "record", "item": items}}
    assert read(entry).text == "record\nli: hi\nli: [image]\n[…]\n[…]"


@pytest.mark.parametrize(
    "entry",
    [{}, {"msgtype": "text"}, {"msgid": "k", "text": "no object", "msgtype": "text", "send_time": "x"}],
)
def test_what_is_hardly_an_entry_is_kept_all_the_same(entry: Json) -> None:
    message = read(entry)
    assert message.key and message.key == read(entry).key and message.ts == 0.0
    assert read({**entry, "more": 1}).key != message.key or "msgid" in entry


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"event_type": "enter_session", "scene": "web"}, "opened the chat (scene web)"),
        ({"event_type": "session_status_change", "change_type": 1, "new_servicer_userid": "a"}, "a took"),
        (
            {
                "event_type": "session_status_change",
                "change_type": 2,
                "old_servicer_userid": "a",
                "new_servicer_userid": "b",
            },
            "from a to b",
        ),
        ({"event_type": "session_status_change", "change_type": 3, "old_servicer_userid": "a"}, "(with a)"),
        ({"event_type": "session_status_change", "change_type": 4, "new_servicer_userid": "a"}, "again"),
        ({"event_type": "servicer_status_change", "servicer_userid": "a", "status": 1}, "a takes conv"),
        ({"event_type": "servicer_status_change", "servicer_userid": "a", "status": 2}, "a takes no conv"),
        (
            {"event_type": "reject_customer_msg_switch_change", "servicer_userid": "a", "reject_switch": 1},
            "a refuses",
        ),
        ({"event_type": "brand_new"}, "event brand_new"),
        ({}, "event event"),
    ],
)
def test_events_are_told_in_words(event: Json, said: str) -> None:
    assert said in described(event)


def words(planned: list[list[Part]]) -> list[str]:
    return [part.text for message in planned for part in message]


TEXTS = [Part("text", str(n)) for n in range(4)]


@pytest.mark.parametrize(
    ("parts", "most", "expected"),
    [
        (TEXTS, 5, ["0", "1", "2", "3"]),
        (TEXTS, 4, ["0", "1", "2", "3"]),
        (TEXTS, 2, ["0\n1\n2\n3"]),
        ([TEXTS[0], Part("image", "[a]", {"media": "M"}), TEXTS[1]], 2, ["0\n1", "[a]"]),
        ([Part("image", "[a]", {"media": "M"}), TEXTS[1]], 1, ["1"]),
    ],
)
def test_parts_are_put_together_into_the_number_that_is_left(
    parts: list[Part], most: int, expected: list[str]
) -> None:
    assert words(say.plan(parts, most)) == expected


def test_what_does_not_fit_is_cut_off_and_said() -> None:
    planned = say.plan([Part("text", "好" * 8000)], 2)
    cut = planned[-1][0].data["cut"]
    assert len(planned) == 2 and planned[-1][0].text.endswith(f"{cut:,} characters left out）")
    assert "".join(words(planned)).count("好") == 8000 - cut
    files_ = [Part("image", "[a]", {"media": "M"}), Part("file", "[b]", {"media": "N"})]
    (only,) = say.plan([*TEXTS, *files_], 1)
    assert only[0].text == "0\n1\n2\n3" and only[0].data == {"left_out": ["image", "file"]}
    assert say.notes_of(only[0]) == {"left_out": ["image", "file"]}


def test_answers_to_events_and_transfers_do_not_count_and_stay_whole() -> None:
    welcome, over = Part("text", "好" * 1000, {"code": "C"}), Part("transfer", "bye", {"to": "pool"})
    planned = say.plan([*TEXTS, over, welcome], 1)
    assert [message[0].kind for message in planned] == ["text", "transfer", "text"]
    assert planned[2][0].data == {"code": "C"} and len(planned[2][0].text.encode()) <= say.MAX_TEXT


@given(
    st.lists(st.one_of(st.text(max_size=4000), st.just(None)), max_size=12),
    st.integers(1, 5),
)
def test_no_plan_has_more_messages_or_bytes_than_allowed(texts: list[str | None], most: int) -> None:
    parts = [Part("image", "[a]", {"media": "M"}) if t is None else Part("text", t) for t in texts]
    planned = say.plan(parts, most)
    assert len(planned) <= most
    assert all(len(text.encode()) <= say.MAX_TEXT for text in words(planned))
    if any(t is None or t.strip() for t in texts):
        assert planned


THUMB = {"thumb_media_id": "T"}


@pytest.mark.parametrize(
    ("part", "body"),
    [
        (Part("text", "hi"), {"msgtype": "text", "text": {"content": "hi"}}),
        (Part("image", "", {"media_id": "M"}), {"msgtype": "image", "image": {"media_id": "M"}}),
        (
            Part("link", "T", {"url": "https://a", "desc": "d" * 600, **THUMB}),
            {
                "msgtype": "link",
                "link": {"title": "T", "desc": "d" * 512, "url": "https://a", "thumb_media_id": "T"},
            },
        ),
        (
            Part("location", "Tower", {"latitude": "1.5", "longitude": 2, "address": "St"}),
            {
                "msgtype": "location",
                "location": {"name": "Tower", "address": "St", "latitude": 1.5, "longitude": 2.0},
            },
        ),
        (
            Part(
                "raw",
                "",
                {"msgtype": "miniprogram", "miniprogram": {"appid": "a", "title": "好" * 30}, **THUMB},
            ),
            {
                "msgtype": "miniprogram",
                "miniprogram": {"appid": "a", "title": "好" * 21, "thumb_media_id": "T"},
            },
        ),
        (
            Part("raw", "", {"msgtype": "ca_link", "ca_link": {"link_url": "https://b"}}),
            {"msgtype": "ca_link", "ca_link": {"link_url": "https://b"}},
        ),
        (
            Part("card", "Useful?", {"buttons": [{"id": "y", "text": "Yes"}], "tail": "Thanks"}),
            {
                "msgtype": "msgmenu",
                "msgmenu": {
                    "head_content": "Useful?",
                    "list": [{"type": "click", "click": {"id": "y", "content": "Yes"}}],
                    "tail_content": "Thanks",
                },
            },
        ),
    ],
)
def test_parts_become_bodies_within_the_limits(part: Part, body: Json) -> None:
    ((planned,),) = say.plan([part])
    assert say.body_of(planned) == body


def test_a_menu_has_ten_items_and_says_what_it_left_out() -> None:
    part = Part("card", "x" * 2000, {"buttons": [{"text": "长" * 100, "url": "https://a"}] * 12})
    menu = say.body_of(part)["msgmenu"]
    assert len(menu["list"]) == 10 and len(menu["head_content"]) == 1024
    assert menu["list"][0]["view"]["content"] == "长" * 100
    assert say.notes_of(part) == {"left_out": "2 buttons"}


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Part("link", "T", {"url": "https://a"}), "T https://a"),
        (Part("location", "Tower", {}), "Tower"),
        (Part("image", "[cat]"), "[cat]"),
        (Part("raw", "odd", {"msgtype": "hologram"}), "odd"),
        (Part("card", "Choose", {}), "Choose"),
    ],
)
def test_what_it_cannot_say_becomes_words_and_says_what_it_was(part: Part, text: str) -> None:
    ((planned,),) = say.plan([part])
    assert (planned.kind, planned.text, planned.data["was"]) == ("text", text, part.kind)


def a_delivery(n: int, created: float) -> Delivery:
    return Delivery(1 << 62, n, "wecomcs", "shop", "s", {}, [], created=created)


@given(st.integers(-1, 99), st.floats(0, 4e9))
def test_a_delivery_has_one_id_within_the_rules(n: int, created: float) -> None:
    delivery = a_delivery(n, created)
    msgid = say.msgid_of(delivery)
    assert re.fullmatch(r"[0-9a-zA-Z_-]{1,32}", msgid) and msgid == say.msgid_of(delivery)
    assert say.delivery_of(msgid) == delivery.id


def test_a_turn_that_runs_again_sends_under_other_ids() -> None:
    assert say.msgid_of(a_delivery(0, 1000.0)) != say.msgid_of(a_delivery(0, 1000.5))
    assert say.delivery_of("somebody-elses") == ""


@pytest.mark.parametrize(
    ("kind", "type", "size", "goes_as"),
    [
        ("image", "image/png", 2 << 20, "image"),
        ("image", "image/png", (2 << 20) + 1, "file"),
        ("image", "image/webp", 1000, "file"),
        ("voice", "audio/amr", 1000, "voice"),
        ("voice", "audio/mpeg", 1000, "file"),
        ("video", "video/mp4", 10 << 20, "video"),
        ("video", "video/mp4", (10 << 20) + 1, "file"),
        ("file", "text/plain", 20 << 20, "file"),
        ("file", "text/plain", (20 << 20) + 1, ""),
        ("file", "text/plain", 5, ""),
    ],
)
def test_files_go_as_what_they_can(kind: str, type: str, size: int, goes_as: str) -> None:
    assert files.fitting(kind, File("id", size, type)) == goes_as

"""Frames to messages: one row for each documented type, and what must be refused."""

import json

import pytest
from wecom_vectors import BY_NAME

from mindbot.domain.message import Message, Part
from mindbot.platforms.wecom import wire
from mindbot.platforms.wecom_shared.refusals import Malformed

COMMON = (
    "<ToUserName><![CDATA[ww1234567890abcdef]]></ToUserName><FromUserName><![CDATA[zhangsan]]></FromUserName>"
    "<CreateTime>1700000000</CreateTime>"
)
TAIL = "<MsgId>7300000000000000001</MsgId><AgentID>1000002</AgentID>"


def xml(kind: str, body: str, tail: str = TAIL) -> bytes:
    return f"<xml>{COMMON}<MsgType><![CDATA[{kind}]]></MsgType>{body}{tail}</xml>".encode()


def event(name: str, body: str = "", sender: str = "zhangsan", at: int = 1700000010) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[ww1]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{name}]]></Event>"
        f"{body}<AgentID>1000002</AgentID></xml>"
    ).encode()


def read(plain: bytes, agent_id: int | None = None) -> Message:
    return wire.to_message(plain, bot="hr", received=1700000009.5, agent_id=agent_id)


CARD_CLICK = event(
    "template_card_event",
    "<EventKey><![CDATA[btn_ok]]></EventKey><TaskId><![CDATA[task-1]]></TaskId><CardType><![CDATA[button_"
    "interaction]]></CardType><ResponseCode><![CDATA[RC1]]></ResponseCode><SelectedItems><SelectedItem>"
    "<QuestionKey><![CDATA[q1]]></QuestionKey><OptionIds><OptionId><![CDATA[o1]]></OptionId><OptionId>"
    "<![CDATA[o2]]></OptionId></OptionIds></SelectedItem></SelectedItems>",
)

TABLE = {
    "text": (xml("text", "<Content><![CDATA[hello]]></Content>"), Part("text", "hello")),
    "text with CDATA end": (
        xml("text", "<Content><![CDATA[a]]]]><![CDATA[>b & <c>]]></Content>"),
        Part("text", "a]]>b & <c>"),
    ),
    "text escaped": (
        xml("text", "<Content>a &amp; b &lt;c&gt;\n 你好</Content>"),
        Part("text", "a & b <c>\n 你好"),
    ),
    "text with a control character": (xml("text", "<Content>a\x08b</Content>"), Part("text", "a\ufffdb")),
    "text empty": (xml("text", "<Content></Content>"), Part("text")),
    "image": (
        xml("image", "<PicUrl><![CDATA[http://p/1]]></PicUrl><MediaId><![CDATA[M1]]></MediaId>"),
        Part("image", "[image]", {"media_id": "M1", "url": "http://p/1"}),
    ),
    "voice": (
        xml("voice", "<MediaId><![CDATA[M2]]></MediaId><Format><![CDATA[amr]]></Format>"),
        Part("voice", "[voice]", {"media_id": "M2", "format": "amr"}),
    ),
    "video": (
        xml("video", "<MediaId><![CDATA[M3]]></MediaId><ThumbMediaId><![CDATA[T3]]></ThumbMediaId>"),
        Part("video", "[video]", {"media_id": "M3", "thumb_media_id": "T3"}),
    ),
    "file": (
        xml("file", "<MediaId><![CDATA[M4]]></MediaId><FileName><![CDATA[a.pdf]]></FileName>"),
        Part("file", "[file a.pdf]", {"media_id": "M4", "name": "a.pdf"}),
    ),
    "location": (
        xml(
            "location",
            "<Location_X>23.134</Location_X><Location_Y>113.358</Location_Y><Scale>20</Scale>"
            "<Label><![CDATA[Guangzhou]]></Label><AppType><![CDATA[wxwork]]></AppType>",
        ),
        Part(
            "location",
            "Guangzhou (23.134, 113.358)",
            {"latitude": "23.134", "longitude": "113.358", "scale": "20", "label": "Guangzhou"},
        ),
    ),
    "link": (
        xml(
            "link",
            "<Title><![CDATA[T]]></Title><Description><![CDATA[D]]></Description><Url><![CDATA[https://e/]]></Url>"
            "<PicUrl><![CDATA[https://e/p]]></PicUrl>",
        ),
        Part(
            "link",
            "T\nD\nhttps://e/",
            {"title": "T", "description": "D", "url": "https://e/", "image_url": "https://e/p"},
        ),
    ),
    "unknown": (
        xml("hologram", "<Beam><Angle>3</Angle></Beam>"),
        Part("raw", "[hologram]", {"Beam": {"Angle": "3"}}),
    ),
    "event": (
        event("enter_agent", "<EventKey/>"),
        Part("raw", "[enter_agent]", {"Event": "enter_agent", "EventKey": ""}),
    ),
    "card click": (
        CARD_CLICK,
        Part(
            "card",
            "[template_card_event btn_ok]",
            {
                "Event": "template_card_event",
                "EventKey": "btn_ok",
                "TaskId": "task-1",
                "CardType": "button_interaction",
                "ResponseCode": "RC1",
                "SelectedItems": {
                    "SelectedItem": {"QuestionKey": "q1", "OptionIds": {"OptionId": ["o1", "o2"]}}
                },
            },
        ),
    ),
}


@pytest.mark.parametrize(("plain", "part"), TABLE.values(), ids=TABLE)
def test_every_type(plain: bytes, part: Part) -> None:
    message = read(plain)
    assert message.parts == (part,)
    assert message.raw == plain.decode()
    assert Message.from_json(json.loads(json.dumps(message.to_json()))) == message


def test_where_it_came_from_and_where_an_answer_goes() -> None:
    message = read(BY_NAME["V1"].plain)
    assert (message.platform, message.bot, message.kind) == ("wecom", "hr", "text")
    assert message.text == "你好，world"
    assert message.key == "7300000000000000001"
    assert message.session == "wecom:hr:zhangsan"
    assert message.sender == message.chat == "zhangsan"
    assert message.reply_to == {"touser": "zhangsan", "agentid": 1000002}
    assert (message.ts, message.received) == (1700000000.0, 1700000009.5)


def test_agent_id_of_envelope_or_settings_where_the_message_has_none() -> None:
    bare = xml("text", "<Content>x</Content>", tail="<MsgId>1</MsgId>")
    assert read(bare, agent_id=7).reply_to == {"touser": "zhangsan", "agentid": 7}
    assert read(bare).reply_to == {"touser": "zhangsan"}


def test_events_are_unique_by_sender_time_event_and_key() -> None:
    assert read(CARD_CLICK).key == "zhangsan:1700000010:template_card_event:btn_ok"
    one = event("click", "<EventKey>help</EventKey>")
    keys = {
        read(plain).key
        for plain in (
            one,
            event("click", "<EventKey>stop</EventKey>"),
            event("view", "<EventKey>help</EventKey>"),
            event("click", "<EventKey>help</EventKey>", sender="lisi"),
            event("click", "<EventKey>help</EventKey>", at=1700000011),
        )
    }
    assert len(keys) == 5
    assert read(one).key in keys


def test_many_system_events_in_one_second_are_not_repeats() -> None:
    first = event("change_contact", "<ChangeType>update_user</ChangeType><UserID>a</UserID>", sender="sys")
    second = event("change_contact", "<ChangeType>update_user</ChangeType><UserID>b</UserID>", sender="sys")
    assert read(first).key != read(second).key
    assert read(first).key == read(first).key
    assert read(first).reply_to == {}
    kf = read(BY_NAME["V6"].plain)
    assert kf.key.startswith(":1700000006:kf_msg_or_event:")
    assert kf.session == "wecom:hr:-"


def test_a_message_without_id_is_unique_by_its_content() -> None:
    a, b = (read(xml("text", f"<Content>{text}</Content>", tail="")) for text in "ab")
    assert a.key != b.key


def test_a_huge_event_key_still_makes_a_short_key() -> None:
    keys = [read(event("view", f"<EventKey>{'x' * 1000}{n}</EventKey>")).key for n in (1, 2)]
    assert keys[0] != keys[1]
    assert all(len(key) <= 200 for key in keys)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<xml>",
        b"<xml><a></xml>",
        b"\xff\xfe<xml/>",
        b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>',
        b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>',
        b"<xml>" + b"<a>" * 100 + b"</a>" * 100 + b"</xml>",
        b"<xml>" + b"<a/>" * 10_000 + b"</xml>",
        b"<xml/>",
        b"<xml>text</xml>",
        b"<xml><MsgType><a/></MsgType></xml>",
        b'{"msgtype": "text"}',
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


def test_fields_of_a_wrong_shape_count_as_missing() -> None:
    message = read(
        b"<xml><MsgType>text</MsgType><Content><a>1</a></Content><CreateTime>soon</CreateTime></xml>"
    )
    assert (message.text, message.ts, message.reply_to) == ("", 0.0, {})

"""Replies as messages within WeCom's limits: what is planned, and what its objects say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Rejected
from mindbot.domain.message import Json, Part
from mindbot.platforms.wecom import limits, say


def a_delivery(*parts: Part, **fields: object) -> Delivery:
    to = {"touser": "zhangsan", "agentid": 1000002}
    return Delivery(**{"turn": 1, "n": 0, "platform": "wecom", "bot": "hr", "session": "s", "to": to,
                       "parts": list(parts)} | fields)  # type: ignore[arg-type]  # fmt: skip


def planned(*parts: Part) -> list[tuple[str, str]]:
    return [(message[0].kind, "|".join(part.text for part in message)) for message in say.plan(parts)]


LINK = Part("link", "Minutes\nof Monday", {"url": "https://example.org/m"})
CARD = Part("card", "Sure?", {"buttons": [{"text": "Yes"}, {"text": "No"}]})


@pytest.mark.parametrize(
    ("parts", "messages"),
    [
        ([Part("text", "a"), Part("markdown", "**b**")], [("text", "a"), ("markdown", "**b**")]),
        ([Part("text", " \n"), Part("text", "")], []),
        ([Part("image", "[cat]")], [("text", "[cat]")]),
        ([Part("image", "", {"url": "https://e/cat.png"})], [("text", "https://e/cat.png")]),
        ([Part("image", "cat", {"url": "https://e/cat.png"})], [("text", "cat\nhttps://e/cat.png")]),
        ([Part("image", "[cat]", {"media": "x.png"})], [("image", "[cat]")]),
        ([Part("file", "", {"media_id": "M"})], [("file", "")]),
        ([Part("location", "Office (1, 2)")], [("text", "Office (1, 2)")]),
        ([Part("quote", "> hi")], [("text", "> hi")]),
        ([Part("raw")], [("text", "[raw]")]),
        ([LINK], [("link", "Minutes\nof Monday")]),
        (
            [LINK, LINK, Part("text", "x"), LINK],
            [("link", f"{LINK.text}|{LINK.text}"), ("text", "x"), ("link", LINK.text)],
        ),
        ([LINK] * 9, [("link", "|".join([LINK.text] * 8)), ("link", LINK.text)]),
        ([Part("link", "no address")], [("text", "no address")]),
        ([Part("link", "T" * 129, {"url": "https://e/"})], [("text", "T" * 129 + "\nhttps://e/")]),
        ([Part("mention", "", {"user": "li"}), Part("text", "hello")], [("text", "@li hello")]),
        ([Part("mention", "", {"all": True}), Part("markdown", "hi")], [("markdown", "@all hi")]),
        ([Part("mention", "@Li", {"name": "Li"}), LINK], [("text", "@Li "), ("link", LINK.text)]),
        ([Part("text", "x"), Part("mention", "@Li")], [("text", "x"), ("text", "@Li ")]),
        ([CARD], [("card", "Sure?")]),
        ([Part("card", "just text", {"title": "Title"})], [("text", "Title\njust text")]),
        ([Part("card")], [("text", "[card]")]),
    ],
)  # fmt: skip
def test_plan(parts: list[Part], messages: list[tuple[str, str]]) -> None:
    assert planned(*parts) == messages


def test_long_text_of_a_card_goes_ahead_of_it() -> None:
    long = "First line.\n" + "word " * 200
    text, card = say.plan([Part("card", long, CARD.data)])
    assert (text[0].kind, text[0].text) == ("text", long)
    assert (card[0].kind, card[0].text, card[0].data["title"]) == ("card", "", "First line.")


def test_too_many_buttons_for_any_card_are_numbered_text() -> None:
    buttons = [{"text": f"choice {n}"} for n in range(21)]
    (message,) = say.plan([Part("card", "Which?", {"buttons": buttons})])
    assert message[0].data == {"was": "card"}
    assert message[0].text.endswith("21. choice 20")


ANYTHING = st.lists(
    st.builds(
        Part,
        st.sampled_from(["text", "markdown", "image", "link", "card", "quote", "mention", "raw"]),
        st.text(max_size=400) | st.text("好👍🏽a \n.", min_size=500, max_size=3000),
        st.sampled_from([{}, {"url": "https://example.org/x"}, CARD.data, {"title": "T"}, {"user": "li"}]),
    ),
    max_size=4,
)


@pytest.mark.full
@given(ANYTHING)
def test_whatever_is_planned_is_within_the_limits(parts: list[Part]) -> None:
    for message in say.plan(parts):
        msgtype, content = say.content(message, "task-1")
        assert msgtype in ("text", "markdown", "textcard", "news", "template_card")
        assert content


@given(st.lists(st.text("ab 好👍🏽\n。.", max_size=3000), min_size=1, max_size=3))
def test_no_character_of_a_text_is_lost(texts: list[str]) -> None:
    texts = [text for text in texts if text.strip()]
    plan = say.plan([Part("text", text) for text in texts])
    said = "".join(part.text for message in plan for part in message)
    assert "".join(said.split()) == "".join("".join(texts).split())
    assert all(len(message[0].text.encode()) <= 2048 for message in plan)


@pytest.mark.parametrize(("size", "messages"), [(2047, 1), (2048, 1), (2049, 2)])
def test_a_character_on_the_edge_is_not_cut(size: int, messages: int) -> None:
    text = "a" * (size - 3) + "字"
    plan = say.plan([Part("text", text)])
    assert len(plan) == messages
    assert "".join(m[0].text for m in plan) == text


# -- objects ---------------------------------------------------------------------------------------------


def test_texts_and_files() -> None:
    assert say.content([Part("text", "hi")], "t") == ("text", {"content": "hi"})
    assert say.content([Part("markdown", "**hi**")], "t") == ("markdown", {"content": "**hi**"})
    image = Part("image", "", {"media_id": "M", "title": "not of images"})
    assert say.content([image], "t") == ("image", {"media_id": "M"})
    video = Part("video", "", {"media_id": "M", "title": "T"})
    assert say.content([video], "t") == ("video", {"media_id": "M", "title": "T"})


NOTICE = "miniprogram_notice"


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (Part("text", "x" * 2049), r"text\.content has 2,049 bytes, the limit is 2,048"),
        (Part("text", ""), r"text\.content is missing"),
        (
            Part("card", "", {"msgtype": "textcard", "textcard": {"title": "T"}}),
            r"textcard\.description is missing",
        ),
        (
            Part("card", "", {"msgtype": "news", "news": {"articles": [{"title": "T"}] * 9}}),
            r"news\.articles has 9 entries, 1 to 8",
        ),
        (
            Part("card", "", {"msgtype": "mpnews", "mpnews": {"articles": [{"title": "T"}]}}),
            r"mpnews\.articles\[0\]\.thumb_media_id is missing",
        ),
        (
            Part("card", "", {"msgtype": NOTICE, NOTICE: {"appid": "a", "title": "abc"}}),
            r"miniprogram_notice\.title has 3 characters, 4 to 12",
        ),
    ],
)  # fmt: skip
def test_what_is_over_a_limit_says_which(part: Part, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        say.content([part], "t")


def test_the_envelope() -> None:
    assert say.envelope(a_delivery(), None) == {"touser": "zhangsan", "agentid": 1000002}
    assert say.envelope(a_delivery(to={"touser": "lisi"}), 7) == {"touser": "lisi", "agentid": 7}
    for to, names in (({"touser": "zhangsan"}, "agent_id"), ({}, "receiver")):
        with pytest.raises(Rejected, match=names):
            say.envelope(a_delivery(to=to), None)


@pytest.mark.parametrize("field", ["invaliduser", "unlicenseduser"])
def test_a_receiver_who_got_nothing(field: str) -> None:
    one = {"touser": "ZhangSan"}
    with pytest.raises(Rejected):
        say.unreached({"errcode": 0, field: "lisi|zhangsan"}, one)
    assert say.unreached({"errcode": 0, field: "lisi|zhangsanfeng"}, one) == []
    assert say.unreached({"errcode": 0, field: ""}, one) == []
    assert say.unreached({field: "lisi"}, {"touser": "zhangsan|lisi"}) == ["lisi"]
    assert say.unreached({field: "lisi"}, {"touser": "@all"}) == []


def test_two_answers_are_alike_by_what_they_say() -> None:
    image = Part("image", "", {"media": "a.png"})
    assert say.fingerprint(a_delivery(image)) == say.fingerprint(a_delivery(image, n=1))
    assert say.fingerprint(a_delivery(CARD)) != say.fingerprint(a_delivery(CARD, n=1))


# -- template cards --------------------------------------------------------------------------------------

COMMON: Json = {"main_title": {"title": "T"}, "task_id": "t-1"}
ACTION = {"type": 1, "url": "https://example.org"}
OPTIONS = [{"id": f"{n}", "text": f"{n}"} for n in range(30)]
CARDS: dict[str, Json] = {
    "text_notice": {"card_action": ACTION},
    "news_notice": {"card_action": ACTION, "card_image": {"url": "https://e/x.png"}},
    "button_interaction": {"button_list": [{"text": "Yes", "key": "y", "style": 1}]},
    "vote_interaction": {
        "checkbox": {"question_key": "q", "option_list": OPTIONS[:20], "mode": 1},
        "submit_button": {"text": "Send", "key": "s"},
    },
    "multiple_interaction": {
        "select_list": [{"question_key": "q", "option_list": OPTIONS[:10]}],
        "submit_button": {"text": "Send", "key": "s"},
    },
}


MENU = {"action_list": [{"text": "a", "key": "k"}]}
SELECT = CARDS["multiple_interaction"]["select_list"]


def buttons(*keys: str) -> list[Json]:
    return [{"text": "x", "key": key} for key in keys]


def a_card(kind: str, **changed: object) -> Json:
    return {"card_type": kind, **COMMON, **CARDS[kind], **changed}


@pytest.mark.parametrize("kind", CARDS)
def test_each_of_the_five_kinds_passes(kind: str) -> None:
    limits.check_card(a_card(kind))
    limits.check_card(a_card(kind, something_new={"a": 1}))


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (a_card("text_notice", card_type="poster"), "card_type must be one of text_notice"),
        ({}, "card_type is missing"),
        ([], "template_card must be an object"),
        (a_card("text_notice", card_action=None), "card_action is missing"),
        (a_card("text_notice", card_action={"type": 1}), r"card_action\.url is missing"),
        (a_card("text_notice", card_action={"type": 2}), r"card_action\.appid is missing"),
        (a_card("text_notice", card_action={"type": 1, "url": "example.org"}), "https://"),
        (a_card("text_notice", main_title={}), r"main_title\.title is missing; it or sub_title_text"),
        (a_card("news_notice", card_image=None), "card_image is missing; it or image_text_area"),
        (a_card("news_notice", card_image={"url": "https://e/", "aspect_ratio": 3}), "from 1.3 to 2.25"),
        (a_card("text_notice", source={"desc_color": 4}), r"source\.desc_color must be one of 0, 1, 2, 3"),
        (a_card("text_notice", jump_list=[{"title": "x"}] * 4), "jump_list has 4 entries, at most 3"),
        (a_card("text_notice", horizontal_content_list=[{}] * 7), "has 7 entries, at most 6"),
        (a_card("text_notice", horizontal_content_list=[{"type": 3}]), r"\[0\]\.userid is missing"),
        (a_card("news_notice", vertical_content_list=[{"title": "x"}] * 5), "at most 4"),
        (a_card("text_notice", task_id=None, action_menu=MENU), r"task_id is missing; a card with"),
        (a_card("text_notice", action_menu={"action_list": []}), "1 to 3"),
        (a_card("button_interaction", task_id="a b"), "task_id must be 1 to 128 letters"),
        (a_card("button_interaction", task_id="x" * 129), "task_id"),
        (a_card("button_interaction", button_list=buttons(*map(str, range(7)))), "1 to 6"),
        (a_card("button_interaction", button_list=buttons("k" * 1025)), "1,025 bytes, the limit is 1,024"),
        (a_card("button_interaction", button_list=[{"text": "x"}]), r"button_list\[0\]\.key is missing"),
        (a_card("button_interaction", button_list=[{"text": "x", "key": "k", "style": 5}]), "1, 2, 3, 4"),
        (a_card("button_interaction", button_list=[{"text": "x", "type": 1}]), r"\.url is missing"),
        (a_card("vote_interaction", checkbox={"question_key": "q", "option_list": OPTIONS[:21]}), "1 to 20"),
        (a_card("vote_interaction", checkbox={"question_key": "q", "option_list": OPTIONS[:1] * 2}), "twice"),
        (a_card("vote_interaction", submit_button=None), "submit_button is missing"),
        (a_card("multiple_interaction", select_list=SELECT * 2), "there twice"),
        (a_card("multiple_interaction", select_list=[]), "select_list has 0 entries, 1 to 3"),
    ],
)  # fmt: skip
def test_a_card_over_a_limit_says_which_field(card: Json, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        limits.check_card(card)


FIELDS = [
    "main_title",
    "title",
    "type",
    "url",
    "button_list",
    "option_list",
    "task_id",
    "key",
    "id",
    "text",
    "checkbox",
    "select_list",
    "submit_button",
    "action_menu",
    "action_list",
    "card_action",
    "jump_list",
    "horizontal_content_list",
    "button_selection",
    "quote_area",
    "source",
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 4) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(CARDS)), st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=4))
def test_garbage_is_passed_or_rejected_and_never_anything_else(kind: str, changed: Json) -> None:
    try:
        limits.check_card(a_card(kind) | changed)
    except Rejected as refused:
        assert refused.message.startswith("template_card")


def test_what_buttons_become() -> None:
    def card(*buttons: Json) -> Json | None:
        made = say.content([Part("card", "Which?", {"buttons": list(buttons)})], "t")[1]
        return made if "card_type" in made else None

    links = [{"text": f"{n}", "url": f"https://example.org/{n}"} for n in range(5)]
    plain = [{"text": f"{n}", "style": 2} for n in range(20)]
    kinds = {
        "text_notice": card(*links[:3]),
        "button_interaction": card(*links[:4], *plain[:2]),
        "vote_interaction": card(*plain[:7]),
    }
    for kind, made in kinds.items():
        assert made is not None
        assert made["card_type"] == kind
    assert card(*links, *plain[:2]) is None
    made = card(*plain[:1])
    assert made is not None
    assert made["button_list"] == [{"text": "0", "style": 2, "type": 0, "key": "0"}]

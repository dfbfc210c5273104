"""Template cards of the WeCom simulator: what it refuses, and what happens to a card on a phone."""

from typing import Any

import pytest
from aiohttp import ClientSession
from test_sim_wecom_api import Clock, gettoken, send

from mindbot.domain.errors import Conflict, Invalid, NotFound
from mindbot.sim.testing import simulated
from mindbot.sim.wecom.server import WeComSimulator

pytestmark = pytest.mark.anyio
Json = dict[str, Any]

URL = "http://127.0.0.1:1/callback"  # nobody listens: a push fails, the press has happened all the same
ASK = {
    "card_type": "button_interaction",
    "task_id": "t1",
    "main_title": {"title": "Sure?"},
    "button_list": [{"text": "Yes", "key": "y"}, {"text": "No", "key": "n"}],
}
VOTE = {
    "card_type": "vote_interaction",
    "task_id": "t2",
    "main_title": {"title": "When?"},
    "checkbox": {
        "question_key": "q",
        "option_list": [{"id": "a", "text": "Monday"}, {"id": "b", "text": "Friday"}],
        "mode": 0,
    },
    "submit_button": {"text": "Send", "key": "submit"},
}
NOTICE = {
    "card_type": "text_notice",
    "main_title": {"title": "News"},
    "card_action": {"type": 1, "url": "https://example.org"},
}


async def send_card(http: ClientSession, wecom: WeComSimulator, card: Json, **extra: Any) -> Json:
    return await send(http, wecom, msgtype="template_card", template_card=card, **extra)


async def call(http: ClientSession, wecom: WeComSimulator, name: str, body: Json) -> Json:
    token = (await gettoken(http, wecom))["access_token"]
    url = f"{wecom.base_url}/cgi-bin/message/{name}"
    async with http.post(url, params={"access_token": token}, json=body) as response:
        return dict(await response.json())


async def update(http: ClientSession, wecom: WeComSimulator, code: str, **what: Any) -> Json:
    body = {"userids": ["zhangsan"], "agentid": 1000002, "response_code": code, **what}
    return await call(http, wecom, "update_template_card", body)


GREY = {"button": {"replace_name": "done"}}


async def test_a_card_is_shown_pressed_and_greyed(http: ClientSession) -> None:
    async with simulated("wecom", callback_url=URL) as wecom:
        assert (await send_card(http, wecom, ASK))["response_code"]
        (shown,) = wecom.inbox("zhangsan")
        assert (shown.text, shown.body["_state"]) == ("Sure?\n[Yes]\n[No]", "pressable")
        fields = wecom.cards.press("zhangsan", "y")
        assert (fields["EventKey"], fields["TaskId"]) == ("y", "t1")
        assert (await update(http, wecom, fields["ResponseCode"], **GREY))["errcode"] == 0
        (shown,) = wecom.inbox("zhangsan")
        assert (shown.body["_state"], shown.body["_button"]) == ("grey", "done")
        with pytest.raises(Conflict):
            wecom.cards.press("zhangsan", "y")


async def test_a_code_is_good_once_and_for_72_hours(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock, callback_url=URL, token_ttl=1e6) as wecom:
        code = (await send_card(http, wecom, ASK))["response_code"]
        assert (await update(http, wecom, code, **GREY))["errcode"] == 0
        assert (await update(http, wecom, code, **GREY))["errcode"] == 42022
        late = (await send_card(http, wecom, ASK | {"task_id": "t9"}))["response_code"]
        clock.now += 72 * 3600
        assert (await update(http, wecom, late, **GREY))["errcode"] == 42022


async def test_a_card_is_replaced_by_another(http: ClientSession) -> None:
    async with simulated("wecom", callback_url=URL) as wecom:
        code = (await send_card(http, wecom, ASK, touser="zhangsan|lisi"))["response_code"]
        answer = await update(http, wecom, code, template_card=NOTICE, userids=["zhangsan", "wangwu"])
        assert answer["invaliduser"] == ["wangwu"]
        assert [m.text for m in wecom.inbox("zhangsan")] == ["News"]
        assert wecom.inbox("lisi")[0].body["_state"] == "pressable"


async def test_choices_are_made_before_they_are_submitted(http: ClientSession) -> None:
    async with simulated("wecom", callback_url=URL) as wecom:
        await send_card(http, wecom, VOTE)
        with pytest.raises(Invalid):
            wecom.cards.press("zhangsan")
        with pytest.raises(Invalid):
            wecom.cards.press("zhangsan", selected={"q": ["a", "b"]})
        with pytest.raises(NotFound):
            wecom.cards.press("zhangsan", selected={"q": ["c"]})
        fields = wecom.cards.press("zhangsan", selected={"q": ["b"]})
        item = {"QuestionKey": "q", "OptionIds": {"OptionId": ["b"]}}
        assert fields["SelectedItems"] == {"SelectedItem": [item]}


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (ASK | {"card_type": "poster"}, 40058),
        ({k: v for k, v in ASK.items() if k != "task_id"}, 40058),
        (ASK | {"task_id": "no spaces"}, 40058),
        (ASK | {"button_list": []}, 40058),
        (ASK | {"button_list": [{"text": "b", "key": f"{n}"} for n in range(7)]}, 40058),
        (ASK | {"button_list": [{"text": "b", "key": "same"}] * 2}, 42019),
        (VOTE | {"submit_button": {}}, 40058),
        (NOTICE | {"card_action": {}}, 40058),
        (NOTICE | {"card_type": "news_notice"}, 40058),
        (NOTICE | {"jump_list": [{"type": 0, "title": "x"}] * 4}, 40058),
    ],
)
async def test_cards_that_are_refused(http: ClientSession, card: Json, code: int) -> None:
    async with simulated("wecom", callback_url=URL) as wecom:
        assert (await send_card(http, wecom, card))["errcode"] == code
        assert not wecom.inbox("zhangsan")


async def test_a_task_id_is_used_once_and_a_repetition_is_none(http: ClientSession) -> None:
    async with simulated("wecom", callback_url=URL) as wecom:
        await send_card(http, wecom, ASK, enable_duplicate_check=1)
        assert (await send_card(http, wecom, ASK, enable_duplicate_check=1))["errcode"] == 0
        assert (await send_card(http, wecom, ASK))["errcode"] == 42014
        assert len(wecom.inbox("zhangsan")) == 1


async def test_without_a_callback_url_a_card_that_can_be_pressed_is_refused(http: ClientSession) -> None:
    async with simulated("wecom") as wecom:
        assert (await send_card(http, wecom, ASK))["errcode"] == 43012
        assert (await send_card(http, wecom, NOTICE))["errcode"] == 0


async def test_a_message_is_recalled_within_a_day(http: ClientSession) -> None:
    clock = Clock()
    async with simulated("wecom", clock=clock, token_ttl=1e6) as wecom:
        first, second = [(await send(http, wecom, touser="zhangsan|lisi"))["msgid"] for _ in range(2)]
        assert (await call(http, wecom, "recall", {"msgid": first}))["errcode"] == 0
        assert [len(wecom.inbox(user)) for user in ("zhangsan", "lisi")] == [1, 1]
        assert (await call(http, wecom, "recall", {"msgid": first}))["errcode"] == 40058
        clock.now += 86_400
        assert (await call(http, wecom, "recall", {"msgid": second}))["errcode"] == 40058
        assert len(wecom.inbox("zhangsan")) == 1


async def test_cards_over_the_control_routes(http: ClientSession) -> None:
    async with simulated("wecom", callback_url=URL) as wecom:
        await send_card(http, wecom, ASK)
        control = f"{wecom.base_url}/_sim"
        async with http.get(f"{control}/cards", params={"user": "ZhangSan"}) as r:
            (card,) = (await r.json())["cards"]
            assert (card["task_id"], card["_state"]) == ("t1", "pressable")
        async with http.post(f"{control}/press", json={"user": "zhangsan", "key": "maybe"}) as r:
            assert r.status == 404
        async with http.post(f"{control}/press", json={"user": "zhangsan", "key": "n"}) as r:
            assert (await r.json())["acked"] is False  # nobody listens at that URL
        assert wecom.cards.of("zhangsan")[0].presses == [{"user": "zhangsan", "key": "n", "selected": {}}]

"""The simulator's own rules, asked as a client would ask."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.phones import Phones
from mindbot.sim.testing import simulated
from mindbot.sim.wecom.tokens import ApiError
from mindbot.sim.wecomcs.calls import Calls, Rules
from mindbot.sim.wecomcs.service_desk import BOT, ENDED, NEW, PERSON, POOL, ServiceDesk
from mindbot.testing.processes import get

A, C = "wkA", "wmC"
TEXT = {"msgtype": "text", "text": {"content": "hi"}}


class Far:
    """A desk of one account whose time is set by hand."""

    def __init__(self, **rules: Any) -> None:
        self.now = 1_000_000.0
        counters: Counter[str] = Counter()
        phones = Phones(lambda: self.now, counters)
        self.desk = ServiceDesk(phones, lambda: self.now, log={A: [], "wkB": []})
        self.calls = Calls(self.desk, counters, random.Random(1), Rules(**rules))

    def send(self, **more: Any) -> Json:
        return self.calls.send({"open_kfid": A, "touser": C, **TEXT, **more})

    def move(self, state: int, servicer: str = "") -> Json:
        body = {"open_kfid": A, "external_userid": C, "service_state": state, "servicer_userid": servicer}
        return self.calls.transfer(body)

    def answer(self, code: str, **more: Any) -> Json:
        return self.calls.send_on_event({"code": code, **TEXT, **more})


def refused(code: int, call: Callable[..., Any], *args: Any, **more: Any) -> None:
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    assert caught.value.code == code


def says(far: Far) -> None:
    far.desk.says(A, C, "text", {"content": "hello"})


def test_states_change_only_as_the_documents_say() -> None:
    allowed = {(s, t) for s in range(5) for t in ({NEW: range(1, 5), BOT: range(1, 5), POOL: range(2, 5),
               PERSON: range(3, 5), ENDED: range(0)}[s])}  # fmt: skip
    for state in range(5):
        for target in range(5):
            far = Far()
            says(far)
            far.desk.talk(A, C).state = state
            if (state, target) in allowed:
                far.move(target, "anna")
                assert far.desk.talk(A, C).state == target
            else:
                refused(95016, far.move, target, "anna")


def test_servicers_must_be_there() -> None:
    far = Far()
    says(far)
    refused(95014, far.move, PERSON, "nobody")
    far.desk.attends("anna", False)
    refused(95019, far.move, PERSON, "anna")
    assert far.desk.log["wkB"][-1]["event"]["event_type"] == "servicer_status_change"


def test_five_messages_within_two_days_in_the_right_state() -> None:
    far = Far()
    refused(40096, far.send)
    says(far)
    for n in range(5):
        far.send(msgid=f"m{n}")
    refused(95001, far.send)
    says(far)
    far.desk.talk(A, C).state = PERSON
    refused(95018, far.send)
    far.desk.talk(A, C).state = BOT
    far.now += 48 * 3600 + 1
    refused(95002, far.send)
    assert far.desk.log[A][-1]["event"]["change_type"] == 3, "it ended by itself"


def test_a_message_id_is_good_once_an_account_and_has_rules() -> None:
    far = Far(repeated=95999)
    says(far)
    far.send(msgid="m")
    refused(95999, far.send, msgid="m")
    for bad in ("m" * 33, "m m", "好"):
        refused(40058, far.send, msgid=bad)


def test_codes_live_briefly_for_one_message_in_their_state() -> None:
    far = Far()
    code = far.desk.enters(A, C)["event"]["welcome_code"]
    refused(40008, far.answer, code, msgtype="image", image={})
    far.answer(code)
    refused(40058, far.answer, code)
    assert "welcome_code" not in far.desk.enters(A, C)["event"], "welcomed within two days"
    far.now += 49 * 3600
    late = far.desk.enters(A, C)["event"]["welcome_code"]
    far.now += 21
    refused(40058, far.answer, late)
    says(far)
    code = far.move(POOL)["msg_code"]
    far.desk.takes(A, C, "anna")
    refused(95018, far.answer, code)
    assert far.move(PERSON, "boris") == {}, "a code comes with the first change alone"
    end = far.move(ENDED)["msg_code"]
    far.answer(end)
    assert far.desk.talk(A, C).left == 5


def test_history_is_three_days_and_cursors_are_opaque() -> None:
    far = Far()
    says(far)
    far.now += 3 * 86_400 + 1
    says(far)
    page = far.calls.sync({"open_kfid": A})
    assert [e["msgtype"] for e in page["msg_list"]] == ["event", "text"]  # it ended, and began anew
    assert len(page["next_cursor"]) <= 64
    assert far.calls.sync({"open_kfid": A, "cursor": page["next_cursor"]})["msg_list"] == []
    refused(40058, far.calls.sync, {"open_kfid": A, "cursor": "1"})
    refused(95004, far.calls.sync, {"open_kfid": "other"})


def test_a_callbacks_token_ends_and_without_one_calls_are_few() -> None:
    far = Far(tokenless=1)
    token = far.desk.doorbell()
    far.calls.sync({"open_kfid": A, "token": token})
    far.calls.sync({"open_kfid": A})
    refused(45009, far.calls.sync, {"open_kfid": A})
    far.now += 601
    refused(95007, far.calls.sync, {"open_kfid": A, "token": token})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"msgtype": "hologram"}, 40008),
        ({"msgtype": "text", "text": {"content": "  "}}, 44004),
        ({"msgtype": "text", "text": {"content": "好" * 683}}, 45002),
        ({"msgtype": "image", "image": {"media_id": "M"}}, 40007),
        ({"msgtype": "link", "link": {"title": "T", "url": "u"}}, 40058),
        ({"msgtype": "msgmenu", "msgmenu": {"list": [{"type": "click", "click": {}}] * 11}}, 95008),
        ({"msgtype": "msgmenu", "msgmenu": {"list": [{"type": "odd"}]}}, 95009),
        (
            {"msgtype": "msgmenu", "msgmenu": {"list": [{"type": "text", "text": {"content": "x" * 257}}]}},
            45002,
        ),
    ],
)
def test_content_is_checked(body: Json, code: int) -> None:
    far = Far()
    says(far)
    refused(code, far.send, **body)
    assert far.desk.talk(A, C).left == 5


@pytest.mark.anyio
async def test_people_are_driven_over_http_and_history_is_read_back() -> None:
    from anyio import to_thread

    from mindbot.testing.processes import post

    async with simulated("wecomcs") as sim:
        url = f"{sim.origin}/_sim"

        def drive() -> Json:
            post(f"{url}/push", {"user": C, "text": "hi", "account": "wkSIM2", "msgid": "k1"})
            post(f"{url}/push", {"user": C, "msgtype": "image", "file": "iVBORw0KGgo=", "account": "wkSIM2"})
            post(f"{url}/enter", {"user": C, "scene": "web", "scene_param": "a=1", "account": "wkSIM2"})
            post(f"{url}/servicer", {"user": C, "text": "I am here", "account": "wkSIM2"})
            post(f"{url}/servicer", {"user": C, "servicer": "boris", "passes": True, "account": "wkSIM2"})
            post(f"{url}/recall", {"user": C, "msgid": "k1", "account": "wkSIM2"})
            post(f"{url}/attend", {"servicer": "anna", "there": False})
            post(f"{url}/end", {"user": C, "account": "wkSIM2"})
            assert get(f"{url}/talks")["talks"][0]["state"] == ENDED
            assert [m["text"] for m in get(f"{url}/inbox?user={C}")["messages"]] == ["I am here"]
            return dict(get(f"{url}/history?account=wkSIM2"))

        entries = (await to_thread.run_sync(drive))["entries"]
        assert entries[0]["msgid"] == "k1" and entries[-1]["cursor"] == f"4gw7{len(entries):012x}"
        kinds = [e["event"]["event_type"] for e in sim.desk.log["wkSIM2"] if e["msgtype"] == "event"]
        assert kinds == [
            "enter_session", "session_status_change", "session_status_change", "user_recall_msg",
            "servicer_status_change", "session_status_change",
        ]  # fmt: skip
        with pytest.raises(ConfigError, match="no rule"):
            sim.change_rules({"spilt": 1})

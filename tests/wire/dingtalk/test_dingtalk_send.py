"""Sending: session webhooks, the robot API, files, tokens, limits and what is said of refusals."""

from __future__ import annotations

import time

import pytest
from dingtalk_here import a_delivery, connected

from mindbot.domain.errors import (
    AuthFailed,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
)
from mindbot.domain.message import Part

pytestmark = pytest.mark.anyio


async def test_an_answer_goes_by_the_session_webhook() -> None:
    async with connected() as here:
        to = await here.asked()
        await here.bot.send(a_delivery(to, "hi"))
        assert here.sim.inbox("li")[0].via == "session"


async def test_a_webhook_that_ended_early_is_replaced_by_the_api_and_remembered() -> None:
    async with connected(fault="session-gone") as here:
        to = await here.asked()
        sent = await here.bot.send(a_delivery(to, "one"))
        await here.bot.send(a_delivery(to, "two", n=1))
        assert here.shown() == ["one", "two"]
        assert [m.via for m in here.sim.inbox("li")] == ["send", "send"]
        assert here.sim.counters["errcode.300001"] == 1
        assert sent.id


async def test_a_webhook_near_its_end_is_left_alone() -> None:
    async with connected(sim={"session_ttl": 200.0}) as here:
        to = await here.asked(group="team")
        await here.bot.send(a_delivery(to, "hi"))
        assert [(m.via, m.text) for m in here.sim.inbox("team")] == [("send", "hi")]


async def test_an_outsider_can_be_answered_only_while_the_webhook_lives() -> None:
    async with connected() as here:
        to = await here.asked(user="out1")
        await here.bot.send(a_delivery(to, "hi"))
        assert here.shown("out1") == ["hi"]
        with pytest.raises(Rejected, match="ninety minutes"):
            await here.bot.send(a_delivery(to | {"until": time.time()}, "late"))


async def test_proactive_messages_to_users_and_groups() -> None:
    async with connected(run=False) as here:
        await here.bot.send(a_delivery(here.bot.address("li"), "hi"))
        await here.bot.send(a_delivery(here.bot.address_group("team"), "all"))
        assert (here.shown("li"), here.shown("team")) == (["hi"], ["all"])
        with pytest.raises(Rejected, match="staffId") as caught:
            await here.bot.send(a_delivery(here.bot.address("nobody"), "hi"))
        assert "enterprise" in caught.value.hint


async def test_markdown_keeps_its_line_ends_and_mentions_are_named_twice() -> None:
    async with connected(markdown_card=True) as here:
        to = await here.asked()
        (parts,) = here.bot.plan(
            [
                Part("mention", "", {"user": "li"}),
                Part("mention", "", {"mobile": "139"}),
                Part("text", "# Hi\na\nb\n```\nx\ny\n```"),
            ]
        )
        await here.bot.send(a_delivery(to, *parts))
        body = here.sim.inbox("li")[0].body
        assert body["markdown"] == {"title": "Hi", "text": "@li @139\n\n# Hi  \na  \nb\n```\nx\ny\n```"}
        assert body["at"] == {"atUserIds": ["li"], "atMobiles": ["139"], "isAtAll": False}
        (everybody,) = here.bot.plan([Part("mention", "", {"all": True}), Part("text", "look")])
        await here.bot.send(a_delivery(to, *everybody, n=1))
        assert here.sim.inbox("li")[1].body["at"]["isAtAll"]


async def test_the_asker_is_mentioned_in_groups_where_that_is_wanted() -> None:
    async with connected(at_sender=True) as here:
        await here.bot.send(a_delivery(await here.asked(group="team"), "hi"))
        await here.bot.send(a_delivery(await here.asked(), "hi"))
        assert (here.shown("team"), here.shown("li")) == (["@li hi"], ["hi"])


async def test_an_outsider_is_told_of_files_in_words() -> None:
    async with connected() as here:
        to = await here.asked(user="out1")
        picture = Part("image", "cat", {"url": "https://example.org/cat.png"})
        await here.bot.send(a_delivery(to, picture))
        sent = await here.bot.send(a_delivery(to, Part("file", "", {"media": "x", "name": "a.pdf"}), n=1))
        assert here.shown("out1") == ["![cat](https://example.org/cat.png)", "[file: a.pdf]"]
        assert sent.notes == {"sent_as_text": ["file"]}


async def test_links_and_buttons_with_links() -> None:
    async with connected() as here:
        to = await here.asked()
        link = Part("link", "read this", {"url": "https://example.org"})
        card = Part(
            "card",
            "choose",
            {"buttons": [{"text": "A", "url": "https://a"}, {"text": "B", "url": "https://b"}]},
        )
        await here.bot.send(a_delivery(to, link))
        await here.bot.send(a_delivery(to, card, n=1))
        await here.bot.send(a_delivery(here.bot.address("li"), link, n=2))
        await here.bot.send(a_delivery(here.bot.address("li"), card, n=3))
        assert [m.msgtype for m in here.sim.inbox("li")] == [
            "link",
            "actionCard",
            "sampleLink",
            "sampleActionCard2",
        ]


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("throttle:n=1", RateLimited, "QpsLimit"),
        ("403:n=1:code=Forbidden.AccessDenied.ApiCountLimitForOrg@batchSend", QuotaExceeded, "ApiCountLimit"),
        ("400:n=1:code=send.too.fast@batchSend", RateLimited, "too.fast"),
        ("400:n=1:code=bot.stopped@batchSend", Rejected, "enable the robot"),
        ("permission:n=1", Rejected, "grant qyapi_robot_sendmsg"),
        ("403:n=1:code=Forbidden.AccessDenied.IpNotInWhiteList@batchSend", AuthFailed, "allow"),
        ("503:n=1@batchSend", Overloaded, "system.error"),
        ("502:n=1:body=html@batchSend", NetworkFailed, "502"),
        ("429:n=1:body=empty@batchSend", RateLimited, "429"),
        ("garbage:n=1@batchSend", NetworkFailed, "not the vendor's JSON"),
        ("lost-answer:n=1@batchSend", NetworkFailed, ""),
    ],
)
async def test_refusals_are_told_apart_by_their_code(fault: str, error: type[Exception], says: str) -> None:
    async with connected(run=False, fault=fault) as here:
        with pytest.raises(error) as caught:
            await here.bot.send(a_delivery(here.bot.address("li"), "hi"))
        assert says in str(caught.value)


async def test_a_dead_token_is_replaced_once() -> None:
    async with connected(run=False, fault="expired-token:n=1") as here:
        await here.bot.send(a_delivery(here.bot.address("li"), "hi"))
        assert here.shown() == ["hi"]
        assert here.sim.counters["accessToken"] == 2
    async with connected(run=False, fault="expired-token:n=9") as here:
        with pytest.raises(AuthFailed):
            await here.bot.send(a_delivery(here.bot.address("li"), "hi"))
        assert here.sim.counters["accessToken"] == 2


@pytest.mark.parametrize(
    ("fault", "waits"),
    [("ip-ban:n=1@batchSend", 300.0), ("ip-ban:n=1:body=html@batchSend", 300.0), ("throttle:n=1", 1.0)],
)
async def test_a_limit_says_how_long_to_wait(fault: str, waits: float) -> None:
    async with connected(run=False, fault=fault) as here:
        with pytest.raises(RateLimited) as caught:
            await here.bot.send(a_delivery(here.bot.address("li"), "hi"))
        assert caught.value.retry_after == waits


@pytest.mark.parametrize("code", [310000, 400101, 400102, 300001])
async def test_a_webhook_that_carries_nothing_is_replaced_by_the_api(code: int) -> None:
    async with connected(fault=f"{code}:n=1@sendBySession") as here:
        await here.bot.send(a_delivery(await here.asked(), "hi"))
        assert [m.via for m in here.sim.inbox("li")] == ["send"]


async def test_webhooks_that_carry_no_more_this_minute_leave_the_api() -> None:
    async with connected(fault="410100@sendBySession") as here:
        await here.bot.send(a_delivery(await here.asked(), "hi"))
        assert [m.via for m in here.sim.inbox("li")] == ["send"]
        with pytest.raises(RateLimited):
            await here.bot.send(a_delivery(await here.asked(user="out1"), "hi"))


async def test_a_refused_text_is_refused_by_the_api_as_well_and_not_tried_there() -> None:
    async with connected(fault="430104:n=1@sendBySession") as here:
        with pytest.raises(Rejected):
            await here.bot.send(a_delivery(await here.asked(), "hi"))
        assert here.shown() == []


@pytest.mark.full
async def test_a_push_to_many_goes_out_by_twenties_and_goes_on_where_it_stopped() -> None:
    async with connected(run=False, fault="throttle:n=1:after=1@batchSend") as here:
        users = [f"u{n}" for n in range(45)]
        delivery = a_delivery(here.bot.address(", ".join([*users, "nobody"])), "hi all")
        with pytest.raises(RateLimited):
            await here.bot.send(delivery)
        await here.bot.send(delivery)
        assert [len(here.sim.inbox(user)) for user in users] == [1] * 45
        assert delivery.notes.not_reached == ["nobody"]


@pytest.mark.full
async def test_text_at_the_limits_is_taken_by_webhook_and_api() -> None:
    nasty = "\n".join(['say "好" \\ \t'] * 4000)
    async with connected(markdown_card=True) as here:
        for to in (await here.asked(), here.bot.address("li"), here.bot.address_group("team")):
            for n, parts in enumerate(here.bot.plan([Part("text", nasty)])):
                await here.bot.send(a_delivery(to, *parts, n=n))
        assert len(here.shown("team")) >= 4
        assert sum(text.count("say") for text in here.shown("team")) == 4000
        assert here.shown("li") == here.shown("team") * 2


async def test_a_quote_of_ours_names_the_delivery_and_what_it_said() -> None:
    async with connected(enable_stream_reply=True) as here:
        await here.bot.send(delivery := a_delivery(here.bot.address("li"), "the answer is 42"))
        ours = here.sim.inbox("li")[0].msgid
        await here.sim.say("li", "text", {"content": "why?"}, originalProcessQueryKey=ours)
        quote, said = here.inbox.messages[-1].parts
        assert (quote.kind, quote.text, quote.data["delivery"]) == ("quote", "the answer is 42", delivery.id)
        assert said.text == "why?"
        card = a_delivery(here.inbox.messages[-1].reply_to, "on a card", n=1, kind="stream")
        await here.bot.stream(card, "on")
        carrier = (await here.bot.send(card)).notes["carrier"]
        await here.sim.say("li", "text", {"content": "why?"}, originalProcessQueryKey=carrier)
        assert here.inbox.messages[-1].parts[0].text == "on a card"
        await here.sim.say("li", "text", {"content": "why?"}, originalProcessQueryKey="somebody else's")
        assert "delivery" not in here.inbox.messages[-1].parts[0].data


async def test_two_refusals_of_the_credentials_are_told_and_forgotten_when_they_work() -> None:
    async with connected(fault=["expired-token:n=4@batchSend"]) as here:
        to = here.bot.address("li")
        for n in range(2):
            with pytest.raises(AuthFailed):
                await here.bot.send(a_delivery(to, "hi", n=n))
        state, reason = here.health.reports[-1]
        assert state == "failed" and "needs credentials" in reason and "InvalidAuthentication" in reason
        await here.bot.send(a_delivery(to, "hi", n=2))
        assert here.health.reports[-1] == ("ok", "")


@pytest.mark.parametrize(
    ("fault", "step", "mend"),
    [
        ("permission@batchSend", "sending", "qyapi_robot_sendmsg"),
        ("permission@card/streaming", "AI cards", "Card.Streaming.Write"),
        ("permission@user/get", "members", "qyapi_get_member"),
        ("400:code=invalidParameter.robotCode.notExsit@batchSend", "sending", "robot_code"),
        ("400:code=unknown@connections/open", "stream gateway", "Stream mode"),
        ("503@connections/open", "stream gateway", "firewall"),
        ("401:code=authFailed@connections/open", "stream gateway", "client_secret"),
    ],
)
async def test_each_step_of_the_test_names_its_mend(fault: str, step: str, mend: str) -> None:
    async with connected(enable_stream_reply=True) as here:
        here.sim.faults.set([fault])
        found = {check.name: check for check in await here.bot.test()}
        assert found[step].state in ("failed", "skipped") and mend in found[step].mend
        others = {check.state for name, check in found.items() if name != step}
        assert others == {"ok"}
        assert here.shown() == []  # nobody sees a test


async def test_members_are_known_by_name_and_asked_for_once() -> None:
    async with connected(run=False) as here:
        for _ in range(2):
            assert (await here.bot.user("li"))["name"] == "Li"
        assert here.sim.counters["topapi/v2/user/get"] == 1

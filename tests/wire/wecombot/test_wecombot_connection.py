"""Long-connection mode: subscribed and kept up, answers that grow, pushes, files, and what goes wrong."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from pydantic import SecretStr
from wecombot_here import Here, connected

from mindbot.domain.abilities import Repeats
from mindbot.domain.errors import (
    AuthFailed,
    Invalid,
    NetworkFailed,
    Overloaded,
    RateLimited,
    Rejected,
    StoreError,
)
from mindbot.domain.message import Json, Part
from mindbot.media.folder import bytes_of
from mindbot.platforms.wecombot.connection import ConnectionBot
from mindbot.platforms.wecombot.say import LATE, MAX_TEXT, stream_id
from mindbot.sim.wecombot.gateway import LineRules
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
BUTTONS = {"title": "A question", "buttons": [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]}


def sent_frames(here: Here, command: str) -> list[Json]:
    return [frame["body"] for frame in here.sim.gateway.frames if frame["cmd"] == command]


async def test_it_subscribes_and_says_so() -> None:
    async with connected() as here:
        assert here.health.states[-1] == "ok"
        facts = here.bot.details()["connection"]
        assert facts["state"] == "connected" and facts["opened"] == 1 and facts["since"] > 0
        assert [check.state for check in await here.bot.test()] == ["ok"] * 3


async def test_an_answer_grows_and_ends_with_the_whole_text_in_one_stream() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        delivery = here.answer(message, kind="stream")
        await here.bot.stream(delivery, "one ")
        await here.bot.stream(delivery, "one two ")
        assert here.shown() == ["one two "]
        delivery.parts = [Part("markdown", "one two three\n")]
        sent = await here.bot.send(delivery)
        bubble = here.sim.screens.bubbles["li", stream_id(here.turn(message))]
        assert bubble.frames == ["one ", "one two ", "one two three\n"] and bubble.finished
        assert bubble.feedback == here.turn(message)
        assert sent.notes["way"] == "stream" and sent.id == bubble.id
        frames = sent_frames(here, "aibot_respond_msg")
        assert ["feedback" in frame["stream"] for frame in frames] == [True, False, False]


async def test_frames_of_one_stream_never_overtake_each_other() -> None:
    async with connected(fault="slow:100ms:n=1@aibot_respond_msg") as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "whole", kind="stream")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.bot.stream, delivery, "half")
            await until(lambda: here.sim.counters["aibot_respond_msg"])
            tasks.start_soon(here.bot.send, delivery)
        assert here.sim.counters["overtaken"] == 0
        assert here.shown() == ["whole"]


async def test_an_answer_is_one_frame_when_it_did_not_grow() -> None:
    async with connected() as here:
        message = await here.asked("hello", group="team")
        assert message.text == "hello"
        await here.bot.send(here.answer(message, "hi all"))
        assert here.shown("team") == ["hi all"]
        (frame,) = sent_frames(here, "aibot_respond_msg")
        assert frame["stream"]["finish"] is True


async def test_what_does_not_fit_into_the_stream_follows_in_messages() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        text = "好" * MAX_TEXT
        delivery = here.answer(message, Part("markdown", text), kind="stream")
        await here.bot.stream(delivery, text)
        here.sim.faults.set(["-1:n=1@aibot_send_msg"])
        with pytest.raises(Overloaded):
            await here.bot.send(delivery)
        await here.bot.send(delivery)  # goes on where it stopped
        assert "".join(here.shown()) == text and len(here.shown()) == 4


async def test_a_file_an_image_and_a_card_go_out_as_what_they_are() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        file = await here.host.media.save(bytes_of(b"x" * 1_200_000), name="big.bin")
        image = await here.host.media.save(bytes_of(PNG), name="a.png")
        webp = await here.host.media.save(bytes_of(b"RIFF0000WEBP" + b"0" * 50), name="b.webp")
        parts = [
            Part("file", "", {"media": file.id, "name": "报告.bin"}),
            Part("image", "", {"media": image.id}),
            Part("image", "", {"media": webp.id, "name": "b.webp"}),
            Part("card", "Shall we?", BUTTONS),
        ]
        notes = [
            (await here.bot.send(here.answer(message, *planned, n=n))).notes
            for n, planned in enumerate(here.bot.plan(parts))
        ]
        assert [m.msgtype for m in here.sim.inbox("li")] == ["file", "image", "file", "template_card"]
        assert [m.via for m in here.sim.inbox("li")] == ["reply", "send", "send", "send"]
        assert notes[2] == {"sent_as": "file"}
        media = {name: content for _, name, content, _ in here.sim.replies.uploads.media.values()}
        assert media["报告.bin"] == b"x" * 1_200_000
        assert len(sent_frames(here, "aibot_upload_media_chunk")) == 3 + 1 + 1


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent() -> None:
    async with connected() as here:
        await here.asked("hello")
        file = await here.host.media.save(bytes_of(b"x" * ((20 << 20) + 1)), name="big.bin")
        with pytest.raises(Invalid, match="too large"):
            await here.bot.send(here.push(here.bot.address("li"), Part("file", "", {"media": file.id})))


async def test_pushes_reach_those_who_wrote_before_and_nobody_else() -> None:
    async with connected() as here:
        await here.asked("hello")
        await here.asked("hello", group="team")
        await here.bot.send(here.push(here.bot.address("li"), "for you"))
        await here.bot.send(here.push(here.bot.address_group("team"), Part("card", "Shall we?", BUTTONS)))
        assert here.shown("li") == ["for you"]
        assert here.shown("team") == ["Shall we?\n1. Yes\n2. No"], "cards are for one-to-one chats"
        with pytest.raises(Rejected):
            await here.bot.send(here.push(here.bot.address("stranger"), "hello"))


async def test_events_are_answered_by_their_own_commands() -> None:
    async with connected(welcome_message="Welcome!") as here:
        await here.sim.enter("li")
        await until(lambda: here.shown() == ["Welcome!"])
        assert here.inbox.messages[0].kind == "event"
        message = await here.asked("hello")
        await here.bot.send(here.answer(message, Part("card", "Shall we?", BUTTONS)))
        (task,) = here.sim.screens.cards
        await here.sim.press("li", task, "no")
        await until(lambda: here.shown()[-1].endswith("[✓ No]"))
        press = here.inbox.messages[-1]
        assert (press.kind, press.text, press.key) == ("text", "No", f"press:{task}:li")
        await here.bot.send(here.answer(press, "a pity"))
        assert here.shown()[-1] == "a pity" and here.sim.inbox("li")[-1].via == "send"
        await here.sim.rate("li", here.turn(message), 1)
        await until(lambda: here.texts()[-1] == "[feedback_event]")
        rated = here.inbox.messages[-1]
        assert await here.bot.silence(rated) is not None
        fact = {"feedback": "like", "user": "li", "event": rated.key}
        assert here.desk.told == [(here.turn(message), fact)]
        assert not here.sim.counters["errcode.846605"]


async def test_files_are_decrypted_with_keys_of_their_own() -> None:
    async with connected() as here:
        await here.sim.say("li", "image", {"image": here.sim.offer(PNG)})
        await until(lambda: here.inbox.messages)
        message = here.inbox.messages[-1]
        file = await here.bot.fetch(message, message.parts[0])
        assert file is not None and (await here.host.media.path(file.id)).read_bytes() == PNG


async def test_the_same_message_in_two_frames_is_one() -> None:
    async with connected(fault="push-again") as here:
        await here.sim.push_text("li", "hello")
        await until(lambda: len(here.inbox.messages) == 2)
        assert len({m.key for m in here.inbox.messages}) == 1


async def test_a_store_that_fails_loses_nothing() -> None:
    async with connected() as here:
        here.inbox.error = StoreError("disk full")
        await here.sim.push_text("li", "hello")
        await here.inbox.entered.wait()
        here.sim.cut_connections()  # what it brought must still be stored
        here.inbox.error = None
        await until(lambda: here.texts() == ["hello"])


@pytest.mark.parametrize("how", ["abort", "close"])
async def test_a_connection_that_ends_is_made_again_and_the_stream_goes_on(how: str) -> None:
    async with connected() as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "whole", kind="stream")
        await here.bot.stream(delivery, "half")
        code = "1000" if how == "close" else "1006"
        here.sim.faults.set([f"close:code={code}:n=1@aibot_respond_msg"])
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(delivery)
        assert not caught.value.sent, "the same frame again shows nothing twice"
        await here.bot.send(delivery)
        assert here.shown() == ["whole"] and len(here.sim.screens.bubbles) == 1
        assert here.bot.details()["connection"]["opened"] == 2


async def test_the_answer_to_a_push_that_got_lost_is_told_as_unknown() -> None:
    async with connected() as here:
        await here.asked("hello")
        here.sim.faults.set(["lost-answer:n=1@aibot_send_msg"])
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(here.push(here.bot.address("li"), "hello"))
        assert caught.value.sent and here.shown() == ["hello"]


@pytest.mark.full
async def test_a_frame_without_an_answer_is_given_up_and_its_late_answer_fits_no_other() -> None:
    async with connected(fault="slow:700ms:n=1@aibot_respond_msg") as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "whole", kind="stream")
        with pytest.raises(NetworkFailed, match="no answer in"):
            await here.bot.stream(delivery, "half")
        await here.bot.send(delivery)
        assert here.shown() == ["whole"]


async def test_a_lost_subscription_is_renewed_and_the_frame_sent_once_more() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        here.sim.faults.set(["846609:n=1@aibot_respond_msg"])
        await here.bot.send(here.answer(message, "hello"))
        assert here.shown() == ["hello"]
        assert here.sim.counters["aibot_subscribe"] == 2 and here.bot.details()["renewed"] == 1


@pytest.mark.full
async def test_a_conflict_is_tried_again() -> None:
    async with connected(fault="6000:n=2@aibot_respond_msg") as here:
        message = await here.asked("hello")
        await here.bot.send(here.answer(message, "hello"))
        assert here.shown() == ["hello"]


async def test_too_many_messages_are_told_with_a_time_to_come_back() -> None:
    async with connected(fault="45009:n=1@aibot_respond_msg") as here:
        message = await here.asked("hello")
        with pytest.raises(RateLimited) as caught:
            await here.bot.send(here.answer(message, "hello"))
        assert caught.value.retry_after >= 60


async def test_a_conversation_stays_within_its_limit() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        for n in range(10):
            await here.bot.send(here.answer(message, f"{n}", n=n + 1))
        delivery = here.answer(message, "grows", kind="stream", n=0)
        await here.bot.stream(delivery, "grows")  # left out: there is no place for it
        assert len(here.shown()) == 10 and here.sim.counters["over_limit"] == 0


async def test_an_answer_that_grew_for_too_long_follows_as_a_message() -> None:
    async with connected(stream_lifetime=10.3) as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "the whole", kind="stream")
        await here.bot.stream(delivery, "half")
        began = time.monotonic()
        while here.shown() != [LATE]:
            assert time.monotonic() - began < 10
            await here.bot.stream(delivery, f"half {time.monotonic()}")
        sent = await here.bot.send(delivery)
        assert sent.notes["way"] == "message"
        assert here.shown() == [LATE, "the whole"]


async def test_a_stream_that_the_platform_calls_too_old_is_followed_by_a_message() -> None:
    async with connected(fault="846608@aibot_respond_msg") as here:
        message = await here.asked("hello")
        sent = await here.bot.send(here.answer(message, "the whole", kind="stream"))
        assert sent.notes["way"] == "message" and here.shown() == ["the whole"]


async def test_an_ended_stream_is_not_said_again_after_a_crash() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "the whole", kind="stream")
        await here.bot.send(delivery)
        delivery.again = True
        for fault in ([], ["846608@aibot_respond_msg"]):  # it is not known which of the two comes
            here.sim.faults.set(fault)
            await here.bot.send(delivery)
        assert here.shown() == ["the whole"]


async def test_wrong_credentials_are_told_and_not_tried_in_a_loop() -> None:
    async with connected(run=False, secret="wrong") as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        reason = await here.health.until("failed")
        assert reason.startswith("needs credentials") and "bot_id" in reason
        with pytest.raises(AuthFailed):
            await here.bot.send(here.push(here.bot.address("li"), "hello"))
        checks = {check.name: check for check in await here.bot.test()}
        assert checks["subscription"].state == "failed" and checks["subscription"].mend
        assert here.sim.counters["aibot_subscribe"] == 1
        tasks.cancel_scope.cancel()


async def test_who_is_evicted_stands_back() -> None:
    async with connected(evicted_wait=0.5) as here:
        await here.sim.gateway.evict(here.sim.settings.bot_id)
        reason = await here.health.until("failed")
        assert reason.startswith("evicted by another connection")
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.send(here.push(here.bot.address("li"), "hello"))
        assert not caught.value.sent and "evicted_wait" in caught.value.hint
        await until(lambda: here.health.states[-1] == "ok")
        assert here.bot.details()["evicted"] == 1


async def test_unanswered_pings_end_the_connection() -> None:
    async with connected(fault="hang:n=2@ping", ping=0.1, answer_timeout=0.1) as here:
        await until(lambda: here.bot.details()["connection"]["opened"] == 2)
        await until(lambda: here.health.states[-1] == "ok")


async def test_pings_keep_a_connection_that_would_end_for_silence() -> None:
    rules: dict[str, Any] = {"line": LineRules(silence=0.4)}
    async with connected(ping=0.1, sim=rules) as here:
        await until(lambda: here.sim.counters["ping"] >= 8)
        assert here.bot.details()["connection"]["opened"] == 1


async def test_the_end_of_a_stream_may_be_repeated_and_a_push_may_not() -> None:
    async with connected() as here:
        message = await here.asked("hello")
        assert isinstance(here.bot, Repeats) and not here.bot.idempotent
        assert here.bot.repeatable(here.answer(message, "whole", kind="stream"))
        assert here.bot.repeatable(here.answer(message, "whole"))
        for other in (
            here.answer(message, "the rest", n=1),
            here.answer(message, "x" * (MAX_TEXT + 1)),
            here.answer(message, Part("image", "", {"media": "m"})),
            here.answer(message, "old", created=time.time() - 400),
            here.push(here.bot.address("li"), "unasked"),
        ):
            assert not here.bot.repeatable(other)


async def test_the_certificate_of_the_other_side_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    async with connected(run=False, sim={"tls": server}) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        assert "certificate" in await here.health.until("degraded")
        tasks.cancel_scope.cancel()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with connected(sim={"tls": server}) as here:
        await here.bot.send(here.answer(await here.asked("hello"), "safe"))
        assert here.shown() == ["safe"]


async def test_a_gateway_that_cannot_be_reached_is_no_wrong_secret() -> None:
    async with connected(run=False, ws_url="ws://127.0.0.1:1/") as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.bot.run, here.inbox.receive, here.health.report)
        await here.health.until("degraded")
        found = {check.name: check for check in await here.bot.test()}["subscription"]
        assert found.state == "failed" and "127.0.0.1, port 1?" in found.mend and "secret" not in found.mend
        tasks.cancel_scope.cancel()


async def test_a_mended_secret_is_tried_by_the_test_and_a_refused_one_is_not() -> None:
    class Drawer:
        wrong = "wrong"

        async def aget(self, value: SecretStr, /) -> str:
            return self.wrong or value.get_secret_value()

    async with connected(run=False) as here, anyio.create_task_group() as tasks:
        drawer = Drawer()
        bot = ConnectionBot(here.bot._settings, "hr", replace(here.host, secrets=drawer))
        tasks.start_soon(bot.run, here.inbox.receive, here.health.report)
        assert "needs credentials" in await here.health.until("failed")
        found = {check.name: check for check in await bot.test()}["subscription"]
        assert found.state == "failed" and "`mindbot platform restart wecombot/hr`" in found.mend
        assert here.sim.counters["aibot_subscribe"] == 1
        drawer.wrong = "wrong as well"
        with anyio.fail_after(PATIENCE):  # a refusal ends the wait
            assert (await bot.test())[-1].state == "failed"
        assert here.sim.counters["aibot_subscribe"] == 2
        drawer.wrong = ""
        assert [check.state for check in await bot.test()] == ["ok"] * 3
        assert here.health.reports[-1] == ("ok", "")
        tasks.cancel_scope.cancel()

"""The local API over its real Unix socket, with a fake runtime behind it."""

from __future__ import annotations

import anyio
import httpx
import pytest
from daemon_here import Running

from mindbot.api import calls, models
from mindbot.api.client import AsyncClient
from mindbot.domain.errors import (
    ConfigError,
    Conflict,
    MindBotError,
    NotFound,
    Rejected,
    SecretError,
    TimedOut,
)
from mindbot.domain.message import Json
from mindbot.telemetry.redaction import redactor
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


def raw(up: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(up.socket)), base_url="http://mindbot"
    )


async def test_ping_version_and_status_say_who_answers(up: Running) -> None:
    assert (await up.client.ask(calls.ping())).phase == "running"
    assert (await up.client.ask(calls.version())).version
    status = await up.client.ask(calls.status())
    assert (status.ready, status.phase, status.config.files) == (True, "running", ["a.yaml"])
    assert status.turns.parked == 0  # a field that this daemon did not send
    assert status.to_json()["a_field_of_tomorrow"] is True


async def test_ready_lists_components(up: Running) -> None:
    health = await up.client.ask(calls.ready())
    assert health.ready and [c.component for c in health.components] == ["store"]


async def test_a_daemon_that_cannot_store_is_not_ready(up: Running) -> None:
    up.runtime.store_state = "failed"
    async with raw(up) as http:
        assert (await http.get("/v1/health/ready")).status_code == 503
        assert (await http.get("/v1/health/live")).status_code == 200
    assert not (await up.client.ask(calls.status())).ready
    health = await up.client.ask(calls.ready())
    assert not health.ready and [(c.component, c.state) for c in health.components] == [("store", "failed")]
    up.runtime.store_state = "ok"
    assert (await up.client.ask(calls.ready())).ready


async def test_metrics_are_prometheus_text(up: Running) -> None:
    async with raw(up) as http:
        answer = await http.get("/v1/metrics")
    assert answer.text == "mindbot_up 1\n" and answer.headers["content-type"].startswith("text/plain")


async def test_send_waits_for_the_reply(up: Running) -> None:
    turn = await up.client.ask(calls.send(models.SendMessage(text="你好", user="alice")))
    assert (turn.state, turn.reply, turn.user) == ("answered", "you said 你好", "alice")
    again = await up.client.ask(calls.turn(turn.id))
    assert again.reply == turn.reply
    assert [s.name for s in await up.client.ask(calls.spans(turn.id))] == ["deliver", "scripted"]


async def test_send_without_waiting_returns_the_turn_at_once(up: Running) -> None:
    turn = await up.client.ask(calls.send(models.SendMessage(text="hi", wait=False)))
    assert turn.id in up.runtime.turns and turn.state == "queued"


async def test_send_that_takes_too_long_names_its_turn(up: Running) -> None:
    up.runtime.finish = type(up.runtime.finish)()
    with pytest.raises(TimedOut):
        await up.client.ask(calls.send(models.SendMessage(text="hi", timeout=0.05)))
    async with raw(up) as http:
        answer = await http.post("/v1/turns", json={"text": "hi", "timeout": 0.05})
    assert answer.status_code == 504
    assert answer.json()["kind"] == "timed_out" and answer.json()["turn"] in up.runtime.turns


async def test_streamed_send_yields_chunks_and_the_turn(up: Running) -> None:
    lines = [line async for line in up.client.lines(calls.send_streamed(models.SendMessage(text="hi")))]
    assert [line.type for line in lines] == ["accepted", "chunk", "chunk", "chunk", "done"]
    assert "".join(line.text for line in lines) == "you said hi "
    assert isinstance(lines[-1].turn, models.TurnView) and lines[-1].turn.state == "answered"


async def test_streamed_send_says_in_a_line_that_it_took_too_long(up: Running) -> None:
    up.runtime.finish = type(up.runtime.finish)()
    message = models.SendMessage(text="hi", timeout=0.05)
    lines = [line async for line in up.client.lines(calls.send_streamed(message))]
    assert lines[-1].type == "error" and lines[-1].problem is not None
    assert lines[-1].problem.kind == "timed_out" and lines[-1].problem.turn in up.runtime.turns


async def test_nobody_looks_for_turns_for_whoever_has_gone(up: Running) -> None:
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(up.client.ask, calls.turn_page("for ever"))
            await up.runtime.looking.wait()
            tasks.cancel_scope.cancel()
        await up.runtime.looked.wait()


async def test_turns_are_listed_newest_first_in_pages(up: Running) -> None:
    for text in ("one", "two", "three"):
        await up.client.ask(calls.send(models.SendMessage(text=text)))
    newest = await up.client.ask(calls.turns(limit=2))
    assert [t.text for t in newest] == ["three", "two"]
    assert [t.text for t in await up.client.ask(calls.turns(before=newest[-1].id))] == ["one"]
    assert [t.text for t in await up.client.ask(calls.turns("two"))] == ["two"]
    page = await up.client.ask(calls.turn_page(limit=2))
    assert [t.text for t in page.turns] == ["three", "two"] and page.next == page.turns[-1].id
    assert page.back_to == page.turns[-1].received
    rest = await up.client.ask(calls.turn_page(before=page.next, patience=0))
    assert ([t.text for t in rest.turns], rest.next, rest.back_to) == (["one"], "", None)


async def test_errors_keep_their_kind_and_hint_over_the_wire(up: Running) -> None:
    with pytest.raises(NotFound, match="no turn X") as caught:
        await up.client.ask(calls.turn("X"))
    assert caught.value.hint == "`mindbot turns` lists them"
    async with raw(up) as http:
        answer = await http.get("/v1/turns/X")
    assert answer.status_code == 404
    assert answer.json() == {
        "kind": "not_found",
        "message": "no turn X",
        "hint": "`mindbot turns` lists them",
        "turn": "X",
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/turns", {"text": ""}),
        ("/v1/turns", {"text": 7}),
        ("/v1/turns", {"text": "hi", "surprise": 1}),
        ("/v1/turns", {"text": "hi", "timeout": -1}),
        ("/v1/turns", ["hi"]),
    ],
)
async def test_inputs_are_strict(up: Running, path: str, body: object) -> None:
    async with raw(up) as http:
        answer = await http.post(path, json=body)
    assert answer.status_code == 422 and answer.json()["kind"] == "invalid" and answer.json()["message"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2", 404), ("DELETE", "/v1/ping", 405)])
async def test_unknown_paths_and_methods_are_errors_of_the_same_shape(
    up: Running, method: str, path: str, status: int
) -> None:
    async with raw(up) as http:
        answer = await http.request(method, path)
    assert answer.status_code == status and set(answer.json()) == {"kind", "message", "hint", "turn"}


async def test_broken_json_is_refused(up: Running) -> None:
    async with raw(up) as http:
        answer = await http.post(
            "/v1/turns", content=b'{"text": ', headers={"content-type": "application/json"}
        )
    assert answer.status_code == 422 and answer.json()["kind"] == "invalid"


async def test_a_body_over_the_limit_is_refused_while_it_arrives(up: Running) -> None:
    async def endless() -> object:
        for _ in range(40):
            yield b" " * 65536

    async with raw(up) as http:
        answer = await http.post("/v1/turns", content=endless(), headers={"content-type": "application/json"})  # type: ignore[arg-type]
    assert answer.status_code == 413 and answer.json()["kind"] == "too_large"


async def test_an_unexpected_error_is_a_plain_500_and_the_daemon_goes_on(up: Running) -> None:
    with pytest.raises(MindBotError, match="could not do that"):
        await up.client.ask(calls.turns(before="not there"))
    assert (await up.client.ask(calls.ping())).ok


async def test_dead_letters_are_listed_and_settled(up: Running) -> None:
    assert [d.id for d in await up.client.ask(calls.dead_letters())] == ["letter-1"]
    await up.client.ask(calls.settle_dead_letter("letter-1", "retry"))
    assert await up.client.ask(calls.dead_letters()) == []
    with pytest.raises(NotFound):
        await up.client.ask(calls.settle_dead_letter("letter-1", "discard"))
    assert [d.acted for d in await up.client.ask(calls.dead_letters(settled=True))] == ["discard"]
    await up.client.ask(calls.settle_dead_letter("letter-1", "restore"))
    found = await up.client.ask(calls.settle_dead_letters("discard", ["letter-1", "letter-2"]))
    assert [(s.id, s.done) for s in found.settled] == [("letter-1", True), ("letter-2", False)]
    assert "no dead letter" in found.settled[1].why and not found.more


async def test_secrets_go_in_and_only_their_names_come_out(up: Running) -> None:
    await up.client.ask(calls.set_secret("openai.key", "sk-planted"))
    assert up.runtime.secrets == {"openai.key": "sk-planted"}
    assert await up.client.ask(calls.secrets()) == ["openai.key"]
    async with raw(up) as http:
        assert (await http.get("/v1/secrets/openai.key")).status_code == 405
    await up.client.ask(calls.delete_secret("openai.key"))
    with pytest.raises(NotFound):
        await up.client.ask(calls.delete_secret("openai.key"))
    with pytest.raises(SecretError, match="locked"):
        await up.client.ask(calls.set_secret("locked", "x"))


async def test_a_refused_secret_is_not_echoed(up: Running) -> None:
    async with raw(up) as http:
        answer = await http.put("/v1/secrets/a", json={"value": {"sk": "sk-planted"}})
        other = await http.put("/v1/secrets/a", json={"value": "x", "sk-planted": 1})
    assert answer.status_code == other.status_code == 422 and "sk-planted" not in answer.text


async def test_reload_uses_the_new_configuration(up: Running) -> None:
    done = await up.client.ask(calls.reload())
    assert (done.generation, done.restart) == (2, ["store.file"])
    assert done.warnings == ["a.yaml:2: a plain secret"]


async def test_a_reload_that_fails_lists_every_problem_and_changes_nothing(up: Running) -> None:
    up.configuration.broken = True
    with pytest.raises(ConfigError) as caught:
        await up.client.ask(calls.reload())
    assert caught.value.problems == ["a.yaml:3: no such key", "a.yaml:9: bad"]
    assert up.runtime.generation == 1
    up.daemon.phase = "draining"
    with pytest.raises(Conflict):
        await up.client.ask(calls.reload())


@pytest.mark.full
async def test_openapi_describes_every_route(up: Running) -> None:
    async with raw(up) as http:
        paths = (await http.get("/v1/openapi.json")).json()["paths"]
    assert {"/v1/turns", "/v1/turns/{turn}/spans", "/v1/dead-letters/{id}/retry", "/v1/config/reload"} <= set(
        paths
    )


async def test_nothing_tells_which_server_it_is(up: Running) -> None:
    async with raw(up) as http:
        assert "server" not in (await http.get("/v1/ping")).headers


async def test_many_clients_at_once(up: Running) -> None:
    import anyio

    async def one() -> None:
        async with AsyncClient(up.socket) as client:
            assert (await client.ask(calls.ping())).ok

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(one)


async def test_whatever_an_adapter_counts_is_answered_and_known_secrets_are_masked(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    redactor.register("Fake-Adapter-Secret-1")
    odd = {"inf": float("inf"), "huge": 10**400, "half": "\ud83d", "why": ["got Fake-Adapter-Secret-1"]}
    bot = up.runtime.platforms()[0] | {"details": odd}
    monkeypatch.setattr(up.runtime, "platforms", lambda: [bot])
    details = (await up.client.ask(calls.platforms()))[0].details
    assert details == {"inf": None, "huge": None, "half": "\ufffd", "why": ["got ********"]}


async def test_an_error_that_repeats_what_was_sent_is_masked_and_bounded(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> list[Json]:
        raise Rejected("refused: {'access_token': 'Fake-Lent-Token-1'} " + "x" * 9999, hint="look there")

    monkeypatch.setattr(up.runtime, "test_platform", refuse)
    with pytest.raises(MindBotError) as error:
        await up.client.ask(calls.test_platform("console", "default"))
    assert "Fake-Lent" not in str(error.value) and len(str(error.value)) < 1100
    assert error.value.hint == "look there"

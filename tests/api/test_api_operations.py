"""Bots, sessions, the configuration and logs over the API, and the commands beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from anyio import to_thread

from mindbot.api import calls, models, take_over_calls, take_over_models
from mindbot.api.client import AsyncClient
from mindbot.cli.main import main
from mindbot.domain.errors import BadFilter, Conflict, NotFound

if TYPE_CHECKING:
    from daemon_here import Running

pytestmark = pytest.mark.anyio


async def test_a_bot_is_named_by_platform_and_name(up: Running) -> None:
    found = await up.client.ask(calls.platform("console", "default"))
    assert (found.platform, found.bot, found.state) == ("console", "default", "ok")
    with pytest.raises(NotFound, match="wecom/x") as caught:
        await up.client.ask(calls.platform("wecom", "x"))
    assert caught.value.hint == "bots: console/default"


async def test_a_bot_is_restarted(up: Running) -> None:
    await up.client.ask(calls.restart_platform("console", "default"))
    assert up.runtime.restarted == ["console/default"]


async def test_sessions_are_listed(up: Running) -> None:
    turn = await up.client.ask(calls.send(models.SendMessage(text="hi", session="s1")))
    (found,) = await up.client.ask(calls.sessions())
    assert (found.session, found.turns, found.last) == ("s1", 1, turn.id)


async def test_a_session_is_taken_spoken_in_and_handed_back(up: Running) -> None:
    found = await up.client.ask(take_over_calls.take_session("s", running="drop"))
    assert (found.session, found.running, found.console) == ("s", ["drop"], "")
    assert [each.session for each in await up.client.ask(take_over_calls.taken_sessions())] == ["s"]
    words = take_over_models.SayWords(text="hello")
    said = await up.client.ask(take_over_calls.say_in_session("s", words))
    assert up.runtime.turns[said.turn]["text"] == "hello"
    async with AsyncClient(up.client.socket, console="c1") as elsewhere:
        with pytest.raises(Conflict, match="has it"):
            await elsewhere.ask(take_over_calls.take_session("s"))
        moved = await elsewhere.ask(take_over_calls.take_session("s", force=True))
        assert moved.console == "c1", "two consoles of one user are two operators"
    back = await up.client.ask(take_over_calls.hand_back("s", "pool"))
    assert (back.to, up.runtime.taken) == ("pool", {})
    with pytest.raises(Conflict):
        await up.client.ask(take_over_calls.hand_back("s"))
    with pytest.raises(NotFound):
        await up.client.ask(take_over_calls.take_session("other"))


async def test_the_configuration_says_where_each_value_is_from(up: Running) -> None:
    found = await up.client.ask(calls.config())
    assert found.values["log.level"] == "info" and found.origins["log.level"] == "a.yaml:2:3"


async def test_a_check_says_what_a_reload_would_change_and_changes_nothing(up: Running) -> None:
    found = await up.client.ask(calls.check_config())
    assert found.ok and [(c.key, c.old, c.new) for c in found.changes] == [("log.level", "info", "debug")]
    assert found.restart == ["log.level"]
    up.configuration.broken = True
    found = await up.client.ask(calls.check_config())
    assert not found.ok and found.problems == ["a.yaml:3: no such key", "a.yaml:9: bad"]
    assert up.runtime.generation == 1


async def test_logs_are_filtered_and_limited(up: Running) -> None:
    assert [line.text for line in await up.client.ask(calls.logs())] == ["one", "two"]
    assert [line.text for line in await up.client.ask(calls.logs(limit=1))] == ["two"]
    assert [line.level for line in await up.client.ask(calls.logs(filter="level == error"))] == ["error"]
    with pytest.raises(BadFilter):
        await up.client.ask(calls.logs(filter="level =="))


async def test_log_levels_are_changed_one_by_one(up: Running) -> None:
    assert await up.client.ask(calls.log_levels()) == {"": "info"}
    changed = await up.client.ask(calls.set_log_levels({"mindbot.http": "debug"}))
    assert changed == {"": "info", "mindbot.http": "debug"}
    transport = httpx.AsyncHTTPTransport(uds=str(up.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://mindbot") as http:
        assert (await http.put("/v1/log-levels", json={"a": "loud"})).status_code == 422
    assert up.runtime.levels == changed


async def test_each_has_its_command(up: Running, capsys: pytest.CaptureFixture[str]) -> None:
    async def lines(*arguments: str) -> list[object]:
        with pytest.raises(SystemExit) as end:
            await to_thread.run_sync(main, ["--socket", str(up.socket), *arguments])
        assert end.value.code == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    await up.client.ask(calls.send(models.SendMessage(text="hi", session="s1")))
    assert [s["session"] for s in await lines("session", "list")] == ["s1"]  # type: ignore[index]
    assert (await lines("platform", "show", "console"))[0]["bot"] == "default"  # type: ignore[index]
    assert await lines("platform", "restart", "console/default") == []
    assert up.runtime.restarted == ["console/default"]
    assert [line["text"] for line in await lines("log", "show", "level == info")] == ["one"]  # type: ignore[index]
    assert await lines("log", "level", "warning", "httpx") == [{"": "info", "httpx": "warning"}]
    assert await lines("log", "levels") == [{"": "info", "httpx": "warning"}]


async def test_a_bot_that_is_not_named_exactly_lists_the_choices(
    up: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        await to_thread.run_sync(main, ["--socket", str(up.socket), "platform", "restart", "wecom"])
    assert end.value.code == 1 and "bots: console/default" in capsys.readouterr().err

"""What a bot says of its own accord is part of the conversation it is said in, on every platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, dict[str, Any]]]:
    port = processes.free_port()
    folder = tmp_path_factory.mktemp("pushes")
    with processes.simulators("dingtalk", "wecomcs", "wecombot", "openai") as sims:
        config = configs.dingtalk(sims) | configs.wecombot(sims) | configs.wecomcs(sims, port)
        with processes.daemon(folder, config) as daemon:
            callback = configs.callback("wecomcs", port)
            processes.post(f"{sims['wecomcs']['base_url']}/_sim/callback", {"url": callback})
            names = ("dingtalk", "wecombot")
            wait_for(lambda: all(state(daemon, name) == "ok" for name in names))
            yield daemon, sims


def state(daemon: Daemon, name: str) -> str:
    return str(json.loads(daemon.run("platform", "show", name, "--json").stdout)["state"])


def ask(house: tuple[Daemon, dict[str, Any]], name: str, text: str, **more: str) -> tuple[str, list[str]]:
    """Let a user write; returns the turn's session, and what the model was told for it."""
    daemon, sims = house
    body = {"user": more.pop("user"), "text": text} | more
    if name == "wecombot":
        body["url"] = "connection"
    if name == "dingtalk":
        body |= {"msgtype": "text", "body": {"content": text}}  # type: ignore[dict-item]
    processes.post(f"{sims[name]['base_url']}/_sim/push", body)
    query = f'state == "answered" and text == "{text}"'
    (line,) = wait_for(lambda: daemon.run("turns", query, "--json").stdout.splitlines())
    seen = processes.get(f"{sims['openai']['base_url'].removesuffix('/v1')}/_sim/requests")
    requests = [each["body"]["messages"] for each in seen["requests"]]
    (told,) = [each for each in requests if each[-1]["content"] == text]
    return json.loads(line)["session"], [f"{each['role']}: {each['content']}" for each in told]


def push(daemon: Daemon, name: str, text: str, *to: str) -> str:
    """Push; returns the session it went to."""
    done = daemon.run("platform", "push", name, text, *to, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    turn = json.loads(done.stdout)["turn"]
    (line,) = daemon.run("turns", f'id == "{turn}"', "--json").stdout.splitlines()
    return str(json.loads(line)["session"])


@pytest.mark.full
@pytest.mark.parametrize("name", ["dingtalk", "wecomcs", "wecombot"])
def test_a_push_is_part_of_the_users_conversation(house: tuple[Daemon, dict[str, Any]], name: str) -> None:
    daemon, _ = house
    session, _ = ask(house, name, f"hello {name}", user="lou")
    to = f"{session.split(':')[2]}/lou" if name == "wecomcs" else "lou"
    assert push(daemon, name, f"parcel of {name} is here", "--user", to) == session
    again, told = ask(house, name, f"which parcel, {name}?", user="lou")
    assert again == session
    assert any(line.startswith("assistant: ") and f"parcel of {name} is here" in line for line in told)


@pytest.mark.parametrize("name", ["dingtalk", "wecombot"])
def test_a_push_to_a_group_is_heard_by_each_of_its_members(
    house: tuple[Daemon, dict[str, Any]], name: str
) -> None:
    daemon, _ = house
    session, _ = ask(house, name, f"hi all of {name}", user="kim", group="team/a==")
    assert session == f"{name}:default:team/a==:kim"
    assert push(daemon, name, f"{name} closes at six", "--group", "team/a==") == f"{name}:default:team/a=="
    for user in ("kim", "ann"):
        _, told = ask(house, name, f"when, asks {user} on {name}?", user=user, group="team/a==")
        heard = [line for line in told if f"{name} closes at six" in line]
        assert [line.partition(":")[0] for line in heard] in (["assistant"], ["system"]), user
    _, told = ask(house, name, f"and privately on {name}?", user="kim")
    assert not any("closes at six" in line for line in told)


def test_a_test_message_is_of_the_customers_conversation(house: tuple[Daemon, dict[str, Any]]) -> None:
    daemon, _ = house
    session, _ = ask(house, "wecomcs", "hello from eve", user="eve")
    for user in ("eve", f"{session.split(':')[2]}/eve"):
        sent = json.loads(daemon.run("send", "hi", "--platform", "wecomcs", "--user", user, "--yes").stdout)
        assert sent["session"] == session


def test_a_session_with_a_slash_in_its_name_is_found(house: tuple[Daemon, dict[str, Any]]) -> None:
    daemon, _ = house
    ask(house, "wecomcs", "hello from ada", user="ada")
    daemon.run(
        "send", "hi", "--session", "wecomcs:default:a/b", "--platform", "wecomcs", "--user", "ada", "--yes"
    )
    done = daemon.run("session", "transfer", "wecomcs:default:a/b", "pool")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "queueing for people"

"""Turns that are stopped, by the command line alone, among real processes: each is answered once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.debugging import DebugOperator
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.full]


class House:
    """A daemon with one bot, the users of its simulated platform, and an operator."""

    def __init__(self, daemon: Daemon, sims: dict[str, Any], platform: str, port: int) -> None:
        self.daemon = daemon
        self.operator = DebugOperator(daemon)
        self._platform = platform
        self._url = sims[platform]["base_url"]
        self._callback = configs.callback(platform, port)

    def tell(self, what: str, **body: Any) -> None:
        """Let a user do something on the platform."""
        processes.post(f"{self._url}/_sim/{what}", body)

    def write(self, user: str, text: str) -> None:
        """Let a user write."""
        self.tell("push", user=user, text=text, url=self._callback)

    def heard(self, user: str) -> list[str]:
        """What a user has been told so far."""
        found = processes.get(f"{self._url}/_sim/inbox?user={quote(user)}")["messages"]
        return [each["text"] for each in found]

    def answers(self, user: str) -> list[str]:
        """Wait for a first answer, and for the outbox to have no more; returns all of them."""
        wait_for(lambda: self.heard(user), lambda: self.daemon.log())
        wait_for(lambda: not self._on_its_way(), lambda: self.daemon.log())
        return self.heard(user)

    def _on_its_way(self) -> bool:
        said = json.loads(self.daemon.run("daemon", "status", "--json").stdout)
        return bool(said["outbox"]["waiting"] or sum(said["turns"].values()))

    def turn(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.daemon.run("trace", id, "--json").stdout)
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    port = processes.free_port()
    with (
        processes.simulators("wecom", "openai") as sims,
        processes.daemon(tmp_path, processes.wecom_config(sims, port) | {"debug": {"lease": 300}}) as daemon,
    ):
        yield House(daemon, sims, "wecom", port)


def test_a_message_is_stopped_edited_stepped_and_answered_once(house: House) -> None:
    op = house.operator
    point = op.breaks("--stage", "run", "--when", 'text =~ "refund"')
    house.write("alice", "I want a refund")
    house.write("bob", "good morning")
    assert wait_for(lambda: house.heard("bob")) == ["echo: good morning"]
    stands = op.parked_of("alice")
    turn = stands["turn"]
    assert (stands["breakpoint"], stands["on"], stands["name"]) == (point, "before", "run")
    assert 0 < stands["lease_left"] <= 300
    assert stands["stack"][0]["name"] == "deliver"
    assert house.heard("alice") == []

    assert op.sees("show", turn)["scopes"]["message"]["text"] == "I want a refund"
    op.does("set", turn, "message.text", "where is my parcel?")
    first = op.sees("step", turn[-6:])
    second = op.sees("step", turn)
    assert first["turn"] == second["turn"] == turn
    assert (first["span"], first["on"]) != (second["span"], second["on"])
    op.does("resume", turn)
    assert house.answers("alice") == ["echo: where is my parcel?"]
    assert house.turn(turn)["state"] == "answered"
    assert op.parked == []


def test_kill_9_while_stopped_answers_after_the_restart_without_a_stop(house: House) -> None:
    house.operator.breaks("--stage", "run")
    house.write("alice", "are you there?")
    turn = house.operator.parked_of("alice")["turn"]
    house.daemon.kill()
    house.daemon.start()
    assert house.answers("alice") == ["echo: are you there?"]
    assert house.operator.sees("list", "--json") == {"breakpoints": [], "parked": []}
    assert house.turn(turn)["state"] == "answered"


def test_a_sticky_breakpoint_stops_again_after_a_restart_and_the_answer_comes_once(house: House) -> None:
    op = house.operator
    point = op.breaks("--stage", "run", "--sticky")
    house.write("alice", "still there?")
    op.parked_of("alice")
    house.daemon.kill()
    house.daemon.start()
    stands = op.parked_of("alice")
    assert stands["breakpoint"] == point
    op.does("resume", "--all")
    assert house.answers("alice") == ["echo: still there?"]


def test_a_lease_that_ends_lets_the_turn_go_on(house: House) -> None:
    house.operator.breaks("--stage", "run", "--lease", "1s")
    house.write("alice", "nobody looks")
    assert house.answers("alice") == ["echo: nobody looks"]


def test_an_operators_own_answer_and_a_drop(house: House) -> None:
    op = house.operator
    op.breaks("--stage", "run")
    house.write("alice", "who are you?")
    house.write("bob", "never mind")
    turn, dropped = op.parked_of("alice")["turn"], op.parked_of("bob")["turn"]
    op.does("answer", turn, "A person, this once.")
    op.does("drop", dropped)
    assert house.answers("alice") == ["A person, this once."]
    wait_for(lambda: house.turn(dropped)["state"] == "dropped")
    assert house.heard("bob") == []


def test_a_welcome_that_is_stopped_goes_on_in_time_by_itself(tmp_path: Path) -> None:
    """WeCom Customer Service takes a welcome for 20 seconds; the lease is shorter by itself."""
    port = processes.free_port()
    with processes.simulators("wecomcs", "openai") as sims:
        config = configs.wecomcs(sims, port, welcome_message="Welcome!")
        with processes.daemon(tmp_path, config) as daemon:
            house = House(daemon, sims, "wecomcs", port)
            house.operator.breaks("--stage", "route")
            house.tell("enter", user="wmMEI")
            stands = house.operator.parked_of("wmMEI")
            assert stands["lease_left"] <= 18
            assert house.answers("wmMEI") == ["Welcome!"]
            assert house.turn(stands["turn"])["state"] == "answered"

"""An operator answers in the bot's place on each platform: real processes, real sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import PATIENCE, wait_for

PLATFORMS = ("wecom", "dingtalk", "wecombot", "wecomcs")


class Far:
    """The platforms' far sides, and users there."""

    def __init__(self, sims: dict[str, Any], daemon: Daemon, port: int) -> None:
        self.sims = sims
        self.daemon = daemon
        self.port = port

    def url(self, name: str, path: str) -> str:
        return f"{self.sims[name]['base_url']}/_sim/{path}"

    def writes(self, name: str, user: str, text: str) -> None:
        where = "" if name == "wecombot" else configs.callback(name, self.port)  # that one has a connection
        if name == "wecomcs":
            processes.post(self.url(name, "callback"), {"url": where})
        body = {"user": user, "text": text, "url": where, "persistent": 10}
        processes.post(self.url(name, "push"), body)

    def sees(self, name: str, user: str) -> list[str]:
        return [each["text"] for each in processes.get(self.url(name, f"inbox?user={user}"))["messages"]]

    def lines(self, *command: str) -> list[dict[str, Any]]:
        done = self.daemon.run(*command, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def session_of(self, user: str) -> str:
        found = wait_for(lambda: self.lines("turns", f'user == "{user}" and state == "answered"'))
        return str(found[0]["session"])

    def muted(self, session: str, text: str) -> None:
        """Wait for a message that nobody answered."""
        wanted = f'session == {json.dumps(session)} and state == dropped and text == "{text}"'
        (found,) = wait_for(lambda: self.lines("turns", wanted))
        assert found["reason"] == f"access: {operator()} has taken the session over"


def operator() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    port = processes.free_port()
    folder = tmp_path_factory.mktemp("taken")
    with processes.simulators(*PLATFORMS, "openai") as sims:
        config = configs.wecombot(sims) | configs.three(sims, port)
        with processes.daemon(folder, config) as daemon:
            yield Far(sims, daemon, port)


@pytest.mark.full
@pytest.mark.parametrize("name", PLATFORMS)
def test_the_bot_is_mute_words_go_out_once_in_order_and_it_answers_again(far: Far, name: str) -> None:
    user = f"u{name}"
    far.writes(name, user, "hello")
    wait_for(lambda: far.sees(name, user))
    session = far.session_of(user)
    answers = len(far.sees(name, user))
    (taken,) = far.lines("session", "take", session)
    assert (taken["taken_by"], taken["running"]) == (operator(), [])
    far.writes(name, user, "are you there?")
    far.muted(session, "are you there?")
    for words in ("one", "two", "three"):
        assert far.daemon.run("session", "say", session, words).returncode == 0
    far.daemon.kill()
    far.daemon.start()
    (line,) = [each for each in far.lines("session", "list") if each["session"] == session]
    assert (line["taken_by"], line["taken_since"]) == (operator(), taken["taken_since"])
    far.writes(name, user, "and now?")
    far.muted(session, "and now?")
    assert far.daemon.run("session", "say", session, "four").returncode == 0
    assert far.sees(name, user)[answers:] == ["one", "two", "three", "four"]
    assert far.daemon.run("session", "hand-back", session).returncode == 0
    far.writes(name, user, "thank you")
    wait_for(lambda: len(far.sees(name, user)) > answers + 4)
    assert far.daemon.run("session", "say", session, "five").returncode == 1, "it is nobody's"


@pytest.mark.full
def test_kill_9_between_say_and_send_says_it_once(far: Far) -> None:
    far.writes("dingtalk", "killed", "hello")
    session = far.session_of("killed")
    answers = len(wait_for(lambda: far.sees("dingtalk", "killed")))
    far.lines("session", "take", session)
    assert far.daemon.run("platform", "stop", "dingtalk").returncode == 0
    say = ["session", "say", session, "once", "--key", "k1", "--timeout", "0.1"]
    assert far.daemon.run(*say).returncode == 4, "on disk, and waits"
    far.daemon.kill()
    assert far.sees("dingtalk", "killed")[answers:] == []
    far.daemon.start()
    wait_for(lambda: far.sees("dingtalk", "killed")[answers:])
    (said,) = far.lines("turns", f"session == {json.dumps(session)} and origin == operator")
    done = far.daemon.run(*say[:-2], "--json")  # whoever did not hear the answer asks again
    assert (done.returncode, json.loads(done.stdout)["turn"]) == (0, said["id"])
    assert far.daemon.run("session", "say", session, "and then").returncode == 0
    assert far.sees("dingtalk", "killed")[answers:] == ["once", "and then"]
    assert far.daemon.run("session", "hand-back", session).returncode == 0


@pytest.mark.full
def test_people_of_customer_service_have_the_last_word(far: Far) -> None:
    name, user = "wecomcs", "wmpeople"
    far.writes(name, user, "hello")
    session = far.session_of(user)
    wait_for(lambda: far.sees(name, user))
    far.lines("session", "take", session)
    (talk,) = [t for t in processes.get(far.url(name, "talks"))["talks"] if t["customer"] == user]
    assert talk["state"] == 1, "the bot serves it, in whose name the operator speaks"
    processes.post(far.url(name, "servicer"), {"user": user, "servicer": "anna", "text": "I am here"})
    refused = far.daemon.run("session", "say", session, "so am I")
    assert refused.returncode == 1 and "with a person: anna" in refused.stderr
    wait_for(lambda: not far.lines("session", "taken"))
    again = far.daemon.run("session", "take", session)
    assert again.returncode == 1 and "with a person: anna" in again.stderr
    assert far.sees(name, user)[-1] == "I am here"


@pytest.mark.full
def test_an_operator_chats_line_by_line(far: Far) -> None:
    far.writes("dingtalk", "chatty", "hello")
    session = far.session_of("chatty")
    answers = len(wait_for(lambda: far.sees("dingtalk", "chatty")))
    command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(far.daemon.socket)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "session", "chat", session], stdin=pipe, stdout=pipe, stderr=pipe
    ) as chat:
        assert chat.stdin is not None and chat.stdout is not None and chat.stderr is not None
        assert chat.stdout.readline() == b"chatty: hello\n", "what it is about"
        chat.stdin.write("你好，我是人\n".encode())
        chat.stdin.flush()
        wait_for(lambda: far.sees("dingtalk", "chatty")[answers:] == ["你好，我是人"])
        far.writes("dingtalk", "chatty", "good")
        assert chat.stdout.readline() == b"chatty: good\n"
        other = far.daemon.run("session", "take", session)
        assert other.returncode == 1 and f"{operator()} (chat-" in other.stderr
        _, noted = chat.communicate(b"bye", timeout=PATIENCE)
    assert chat.returncode == 0, noted
    assert noted.decode().splitlines()[-1] == f"-- {session} is the bot's again"
    assert far.sees("dingtalk", "chatty")[answers:] == ["你好，我是人", "bye"]
    assert far.lines("session", "taken") == []

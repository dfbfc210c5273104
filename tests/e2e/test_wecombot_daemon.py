"""AI bots of both modes on one daemon: real processes, real sockets."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mindbot.api import calls
from mindbot.api.calls import ApiCall
from mindbot.api.client import Client
from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

pytestmark = pytest.mark.slow

T = TypeVar("T")

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


class Both:
    """A daemon with a bot in each mode, and the platform they share."""

    def __init__(self, daemon: Daemon, url: str, port: int) -> None:
        self.daemon = daemon
        self.url = url
        self.callback = f"http://127.0.0.1:{port}/wecombot/hook/callback"

    def post(self, route: str, **body: Any) -> Any:
        return processes.post(f"{self.url}/_sim/{route}", body)

    def shown(self, user: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = processes.get(f"{self.url}/_sim/inbox?user={user}")["messages"]
        return found

    def ask(self, call: ApiCall[T]) -> T:
        return Client(self.daemon.socket).ask(call)

    def to(self, mode: str) -> str:
        return self.callback if mode == "hook" else "connection"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    port = processes.free_port()
    with processes.simulators("wecombot", "openai") as sims:
        hook = configs.wecombot(sims, port, name="hook")
        line = configs.wecombot(sims, name="line")
        bots = {"wecombot": [hook["wecombot"], line["wecombot"]], "providers": hook["providers"]}
        url = sims["wecombot"]["base_url"]
        processes.post(f"{url}/_sim/rules", {"poll": {"every": 0.2}}, method="PUT")
        with processes.daemon(tmp_path_factory.mktemp("both"), bots) as daemon:
            yield Both(daemon, url, port)


@pytest.mark.full
@pytest.mark.parametrize("mode", ["hook", "line"])
def test_every_message_is_answered_once_and_the_bots_prove_themselves(both: Both, mode: str) -> None:
    plan = {"messages": 60, "users": 20, "rate": 60, "persistent": 10, "callback": both.to(mode)}
    report = both.post("traffic", **plan, user_prefix=mode)
    assert (report["answered"], report["lost"], report["duplicated"]) == (60, 0, 0), report
    checks = both.ask(calls.test_platform("wecombot", mode))
    assert all(check.state == "ok" for check in checks), checks


@pytest.mark.full
@pytest.mark.parametrize("mode", ["hook", "line"])
def test_a_picture_is_decrypted_and_an_opinion_kept_with_its_turn(both: Both, mode: str) -> None:
    user, file = f"zhao-{mode}", base64.b64encode(PNG).decode()
    both.post("push", user=user, msgtype="image", file=file, url=both.to(mode), persistent=20)
    turn = wait_for(lambda: both.ask(calls.turns(f'user == "{user}" and state == "answered"')))[0].id
    (media,) = [span for span in both.ask(calls.turn(turn)).spans if span.kind == "media"]
    assert media.status == "ok" and media.data["size"] == len(PNG), media
    both.post("feedback", user=user, id=turn, type=2, content="wrong", url=both.to(mode))
    (note,) = wait_for(lambda: both.ask(calls.turn(turn)).notes)
    (event,) = wait_for(
        lambda: both.ask(calls.turns(f'user == "{user}" and kind == "event" and state == "dropped"'))
    )
    assert event.reason == f"access: the user rated turn {turn}: dislike"
    assert note.pop("event") and note == {"feedback": "dislike", "content": "wrong", "user": user}
    for type in (3, 2):  # withdrawn, and the same again: another opinion than the first
        both.post("feedback", user=user, id=turn, type=type, content="wrong", url=both.to(mode))
    notes = wait_for(lambda: len(found := both.ask(calls.turn(turn)).notes) == 3 and found)
    assert [note["feedback"] for note in notes] == ["dislike", "withdrawn", "dislike"]


def test_a_push_with_a_file_reaches_a_user_and_a_group_over_the_connection(
    both: Both, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    both.post("push", user="wang", text="hello", url="connection", persistent=20)
    both.post("push", user="wang", text="hello", group="team", url="connection", persistent=20)
    wait_for(lambda: both.shown("wang") and both.shown("team"))
    pushed = ["platform", "push", "wecombot/line", "look"]
    done = both.daemon.run(*pushed, "--user", "wang", "--file", str(path))
    assert done.returncode == 0, done.stderr
    done = both.daemon.run(*pushed, "--group", "team")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: [m["msgtype"] for m in both.shown("wang")] == ["stream", "markdown", "image"])
    wait_for(lambda: both.shown("team")[-1]["text"] == "look")


def test_a_push_in_webhook_mode_is_a_dead_letter_that_says_why(both: Both) -> None:
    both.daemon.run("platform", "push", "wecombot/hook", "hello", "--user", "wang")
    (letter,) = wait_for(lambda: both.ask(calls.dead_letters()))
    assert "in webhook mode the bot can only answer" in letter.error

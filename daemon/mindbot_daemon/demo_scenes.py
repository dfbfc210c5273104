"""What the demo shows beside its traffic: a picture, a bot that speaks first, an outage, a person who helps.

Each scene plays on the simulators' side what people do, waits for what comes of it, and says whether it came.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.api.models import Push, TurnSummary
from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Json
from mindbot.testing import configs, processes

_LOOK_EVERY = 0.1  # seconds
_PATIENCE = 40.0
_BETWEEN = 6.0  # seconds between scenes of a show

#: A small picture, PNG: a tablecloth.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAaElEQVR42u3XoQ0AIAxFwY6HYf8JOgcsQFUNhCNIBKdefqzi"
    "5JjHe9v7AAAAAABoAV75aPUeAAAAAKAHUGIAAAAAe0CJAQAAAOwBJQYAAACwB5QYAAAAwB5QYgAAAAB7QIkBAAAAvgFscTK6"
    "Ds74oRAAAAAASUVORK5CYII="
)


@dataclass(frozen=True)
class Stage:
    """Where scenes are played: simulators, the port of callbacks, the daemon, a folder for files."""

    sims: Json
    port: int
    client: Client
    folder: Path
    over: threading.Event = field(default_factory=threading.Event)

    def act(self, simulator: str, verb: str, body: Json, method: str = "POST") -> None:
        """Let somebody at a vendor do something."""
        origin = self.sims[simulator]["base_url"].removesuffix("/v1")
        processes.post(f"{origin}/_sim/{verb}", body, method=method)

    def says(self, simulator: str, user: str, text: str) -> None:
        """Let a user write."""
        where = configs.callback(simulator, self.port)
        self.act(simulator, "push", {"user": user, "text": text, "persistent": 10, "url": where})

    def connected(self, platform: str) -> None:
        """Wait until the platform's bots are there: the simulator keeps nothing for those that are not."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and not self.over.wait(_LOOK_EVERY):
            bots = [bot for bot in self.client.ask(calls.platforms()) if bot.platform == platform]
            if bots and all(bot.state == "ok" for bot in bots):
                return

    def turn(self, filter: str) -> TurnSummary | None:
        """Wait for a turn that matches; None when there is none in time."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and not self.over.wait(_LOOK_EVERY):
            if found := self.client.ask(calls.turns(filter, 1)):
                return found[0]
        return None


def picture(stage: Stage) -> bool:
    """A user of DingTalk sends a picture; it is fetched and answered."""
    file = base64.b64encode(PICTURE).decode()
    stage.connected("dingtalk")
    stage.act("dingtalk", "push", {"user": "zhao", "msgtype": "picture", "body": {}, "file": file})
    return stage.turn('user == "zhao" and state == "answered"') is not None


def person(stage: Stage) -> bool:
    """A customer asks for a person; one takes over, the bot is silent, and answers again afterwards."""
    who = f"wm-lin-{time.monotonic_ns() % 1_000_000}"
    stage.says("wecomcs", who, "你好，我想退货")
    if not stage.turn(f'user == "{who}" and state == "answered"'):
        return False
    stage.says("wecomcs", who, "human, please! 转人工")
    stage.turn(f'user == "{who}" and text =~ "human" and state in [answered, dropped]')
    stage.act("wecomcs", "servicer", {"user": who, "text": "您好，我是小王，马上为您处理退货。"})
    stage.says("wecomcs", who, "谢谢小王！")
    silent = stage.turn(f'user == "{who}" and text =~ "谢谢" and state == "dropped"')
    stage.act("wecomcs", "end", {"user": who})
    return silent is not None


def announcement(stage: Stage) -> bool:
    """The bot speaks first: a text and a picture to a user of DingTalk."""
    file = stage.folder / "canteen.png"
    file.write_bytes(PICTURE)
    kept = stage.client.ask(calls.upload(file))
    text = "今天食堂的菜单 · today's menu"
    pushed = stage.client.ask(
        calls.push("dingtalk", "default", Push(user="wang", text=text, files=[kept.id]))
    )
    return stage.turn(f'id == "{pushed.id}" and delivery == "sent"') is not None


def outage(stage: Stage) -> bool:
    """WeCom is busy for a while: answers wait on disk, and arrive once it is well again."""
    stage.act("wecom", "faults", {"faults": ["-1:n=2@message/send"]}, "PUT")
    stage.says("wecom", "zhang9", "are you there? 在吗？")
    return stage.turn('user == "zhang9" and state == "answered" and delivery == "sent"') is not None


SCENES: Mapping[str, Callable[[Stage], bool]] = {
    "picture": picture,
    "announcement": announcement,
    "outage": outage,
    "person": person,
}


def play(stage: Stage) -> dict[str, bool]:
    """Play every scene once; returns which of them ended as they should."""
    return {name: _played(scene, stage) for name, scene in SCENES.items()}


def _played(scene: Callable[[Stage], bool], stage: Stage) -> bool:
    try:
        return scene(stage)
    except (MindBotError, OSError):  # the daemon or a simulator did not take it, which is what is asked
        return False


def play_on(stage: Stage) -> None:
    """Play scenes in turn until it is over; OpenAI's models fail anew, and recover, in each round."""
    while True:
        for scene in (*SCENES.values(), _fail_anew):
            if stage.over.wait(_BETWEEN):
                return
            _played(scene, stage)


def _fail_anew(stage: Stage) -> bool:
    stage.act("openai", "faults", {"faults": ["503:n=1"]}, "PUT")
    return True

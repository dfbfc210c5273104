"""Plays conversations: users write on their phones, and what they get there is what is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from mindbot.bus import Observer
from mindbot.config.model import Config
from mindbot.domain.errors import MindBotError, TimedOut
from mindbot.domain.shapes.turns import TurnJson
from mindbot.domain.turn import DONE_STATES
from mindbot.rehearsal.scenario import RehearsedTalk, ScenarioLine, with_whom
from mindbot.runtime.app import Runtime
from mindbot.sim.server import Simulator

#: Told of each message before it is said, where messages of all conversations follow each other: to prompt
#: those who will answer it.
Prompter = Callable[["Played"], None]

#: Seconds an answer may take to come to a phone once it is sent: webhooks are polled for it.
_TO_PHONE = 10.0
_LOOK_EVERY = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation of one user with one bot: what is played."""

    name: str
    platform: str
    bot: str
    user: str
    group: str
    says: tuple[ScenarioLine, ...]


@dataclass(slots=True)
class Played:
    """What came of a message: ``got`` is what the user saw, in order; ``failed`` why nothing is known."""

    scene: Scene
    said: ScenarioLine
    turn: TurnJson | None = None
    got: list[str] = field(default_factory=list)
    failed: str = ""


def scenes_of(talks: Sequence[RehearsedTalk], config: Config) -> list[Scene]:
    """Return who writes to whom: a conversation without a platform is had on each."""
    found: list[Scene] = []
    for talk in talks:
        for platform, bot in with_whom(talk, config):
            user = talk.user or allowed_user(config, f"rehearsal{len(found) + 1}")
            name = talk.name or f"conversation {len(found) + 1}"
            found.append(Scene(name, platform, bot, user, talk.group, talk.says))
    return found


def before_play(scenes: Sequence[Scene]) -> list[Played]:
    """Return every message of the scenes as one that nothing has come of yet."""
    return [Played(scene, said, failed="there was no time for it") for scene in scenes for said in scene.says]


def allowed_user(config: Config, name: str) -> str:
    """Return a user id that may talk to the bots: the access list may have patterns of them."""
    pattern = next(iter(config.access.allow), "")
    return pattern.replace("*", name).replace("?", "x") if pattern and ":" not in pattern else name


class Players:
    """All users together. ``patience`` is the longest one message may take, in seconds."""

    def __init__(
        self,
        runtime: Runtime,
        phones: Mapping[tuple[str, str], Simulator],
        callback: Callable[[str, str], str],
        patience: float,
    ) -> None:
        self._runtime = runtime
        self._phones = phones
        self._callback = callback
        self._patience = patience

    async def play(self, played: Sequence[Played], prompter: Prompter | None = None) -> None:
        """Play what `before_play` made, side by side; what is said on one screen follows each other.

        With a ``prompter`` everything follows each other.
        """
        if prompter is not None:
            await self._row(played, prompter)
            return
        screens: dict[tuple[str, str, str], list[Played]] = {}
        for each in played:
            scene = each.scene
            screens.setdefault((scene.platform, scene.bot, scene.group or scene.user), []).append(each)
        async with anyio.create_task_group() as tasks:
            for row in screens.values():
                tasks.start_soon(self._row, row)

    async def _row(self, row: Sequence[Played], prompter: Prompter = lambda played: None) -> None:
        for each in row:
            prompter(each)
            try:
                await self._say(each)
            except MindBotError as error:
                each.failed = str(error)

    async def _say(self, played: Played) -> None:
        scene = played.scene
        if scene.platform == "console":
            turn = await self._runtime.resources.turns.inject(text=played.said.text, user=scene.user)
            played.turn = await self._runtime.resources.turns.wait_sent(turn, self._patience)
            played.got = [d["text"] for d in played.turn["deliveries"] if d["text"]]
        else:
            await self._on_phone(played)
        played.failed = ""
        if played.turn is None or played.turn["state"] not in DONE_STATES:
            raise TimedOut(f"no answer within {self._patience:g} s")

    async def _on_phone(self, played: Played) -> None:
        scene = played.scene
        phone: Any = self._phones[scene.platform, scene.bot]
        screen = scene.group or scene.user
        before = len(phone.inbox(screen))
        with self._runtime.bus.observe({"turn"}) as observer:
            pushed = await phone.push_text(scene.user, played.said.text, **self._where(scene))
            if not pushed.acked:
                raise TimedOut(f"{scene.platform}/{scene.bot} did not take the message")
            with anyio.move_on_after(self._patience):
                turn = await self._begun(observer, scene)
                played.turn = await self._runtime.resources.turns.wait_sent(turn, self._patience)
        said = played.turn is not None and any(d["state"] == "sent" for d in played.turn["deliveries"])
        with anyio.move_on_after(_TO_PHONE):
            while said and len(phone.inbox(screen)) == before:  # noqa: ASYNC110 - a phone tells nobody
                await anyio.sleep(_LOOK_EVERY)
        played.got = [shown.text for shown in phone.inbox(screen)[before:]]

    def _where(self, scene: Scene) -> dict[str, str]:
        if scene.platform == "dingtalk":
            return {"url": f"group:{scene.group}"} if scene.group else {}
        more = {"group": scene.group} if scene.group and scene.platform == "wecombot" else {}
        url = self._callback(scene.platform, scene.bot)
        return {"url": url, **more} if url else more

    async def _begun(self, observer: Observer, scene: Scene) -> str:
        """Return the turn that a message of this user's began."""
        while True:
            events, _ = await observer.batch()
            for event in events:
                told = event.data
                if (told.get("platform"), told.get("bot"), told.get("user")) == (
                    scene.platform,
                    scene.bot,
                    scene.user,
                ):
                    return event.turn

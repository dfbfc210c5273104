"""Workflows with everything around them, and apps that say what a test tells them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.abilities import Check
from mindbot.domain.chat import Chunk, Chunks, Usage
from mindbot.domain.errors import NotFound, VendorError
from mindbot.domain.message import Json, Message, text_part
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.workflows.apps import AppCall, AppParts
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member
from mindbot.workflows.running.runner import WorkflowRunner
from mindbot.workflows.standing import WorkflowStanding


class MemoryKeep:
    """What is kept, without a disk."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def get(self, key: str) -> Json | None:
        return self.values.get(key)

    async def lost(self, key: str) -> bool:
        return False

    async def put(self, key: str, value: Any, *, ttl: float = 0.0) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    async def items(self, prefix: str, *, limit: int = 1000) -> dict[str, Json]:
        return {key: value for key, value in sorted(self.values.items()) if key.startswith(prefix)}

    async def receive(self, *args: Any, **more: Any) -> Any:
        raise AssertionError("nothing is received here")

    async def turn_of(self, key: str) -> str:
        return ""


class Scripted:
    """An app that answers as the house says: a text, a failure, a list of both, or a function of the call."""

    def __init__(self, house: WorkflowHouse, member: Member, parts: AppParts) -> None:
        self.name, self.replica = member.workflow, member.replica
        self._house = house
        self._member = member
        self._parts = parts

    async def run(self, turn: Turn, call: AppCall) -> Chunks:
        name = str(self._member)
        self._house.calls.append((name, call))
        self._house.count[name] += 1
        says = self._house.says.get(name, f"{name}: {call.text}")
        for piece in says if isinstance(says, list) else [says]:
            said = piece(call) if callable(piece) else piece
            if isinstance(said, Awaitable):
                said = await said
            if isinstance(said, Exception):
                raise said
            yield said if isinstance(said, Chunk) else Chunk(str(said))
        async with turn.span("node", f"node of {name}", parent=call.span):
            pass
        yield Chunk(finish="stop", usage=Usage(10, 5), notes={"ids": {"message": f"m-{name}"}})

    def resume(self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]) -> Chunks:
        return self.run(turn, call)

    async def identity(self) -> str:
        settings = self._member.settings
        key = settings.dify_api_key
        return f"{settings.dify_endpoint} {key.get_secret_value() if key else ''}"

    async def copy_conversation(self, user: str, session: str, to: str) -> bool:
        return False

    async def check(self) -> list[Check]:
        well = self._house.checks.get(str(self._member), True)
        return [Check("app", "ok" if well else "failed", "", "start it")]

    async def rate(self, ids: Mapping[str, str], *, liked: bool | None, note: str = "") -> None:
        self._house.rated.append((str(self._member), dict(ids), liked))

    async def aclose(self) -> None:
        """Keeps nothing open."""


class WorkflowHouse:
    """See the module. ``now`` is the clock of the breakers."""

    def __init__(
        self, keep: MemoryKeep | None = None, runners: Mapping[str, Any] | None = None, **config: Any
    ):
        self.says: dict[str, Any] = {}
        self.checks: dict[str, bool] = {}
        self.calls: list[tuple[str, AppCall]] = []
        self.count: Counter[str] = Counter()
        self.rated: list[tuple[str, dict[str, str], bool]] = []
        self.reports: list[tuple[str, str, str]] = []
        self.warnings: list[Json] = []
        self.lent = 0
        self.now = 1_000_000.0
        self.keep = keep or MemoryKeep()
        self.standing = WorkflowStanding(self.keep, lambda: self.now)
        self.models: Any = SimpleNamespace()
        self.use(runners, **config)

    def use(self, runners: Mapping[str, Any] | None = None, **config: Any) -> None:
        """Be of another configuration, as after a reload."""
        loaded = load(environ={}, overrides=config).config
        self.workflows = Workflows(
            loaded,
            SimpleNamespace(),  # type: ignore[arg-type] - nothing goes out
            SimpleNamespace(),  # type: ignore[arg-type]
            self.standing,
            self.models,
            report=lambda *told: self.reports.append(told),
            build=lambda member, parts: Scripted(self, member, parts),
        )
        self.services = Services(
            config=loaded,
            models=self.models,
            finish=_nothing,
            history=_nothing,
            once=_once,
            running=_nothing,  # type: ignore[arg-type]
            lend=self._lend,
            silence=_nothing,
            greeting=lambda turn: (),
            fetch=_nothing,
            local=_no_file,
            directory=lambda turn: None,
            warn=lambda event, **fields: self.warnings.append({"event": event, **fields}),
            clock=lambda: self.now,
            timer=lambda: self.now,
            runners=dict(runners or {}),
            parts={Workflows: self.workflows},
        )
        self.workflows.begin()
        self.runner = WorkflowRunner(self.services)

    @asynccontextmanager
    async def _lend(self, turn: Turn) -> AsyncIterator[None]:
        self.lent += 1
        yield

    def turn(self, text: str = "hello", user: str = "lin", **route: Any) -> Turn:
        """Return a turn that was routed so."""
        message = Message("console", "default", text, f"s:{user}", user, "text", (text_part(text),), {})
        turn = Turn(ids.new_id(), message, state="running")
        turn.route.update({"runner": "workflow", **route})  # type: ignore[typeddict-item]
        return turn

    async def ask(self, text: str = "hello", user: str = "lin", **route: Any) -> tuple[str, Turn]:
        """Run a turn; return what its user has before them in the end, and the turn."""
        turn = self.turn(text, user, **route)
        return await self.answer(turn), turn

    async def answer(self, turn: Turn) -> str:
        """Run a turn; return what its user has before them in the end."""
        said: list[str] = []
        async with aclosing(self.runner.run(turn)) as chunks:
            async for chunk in chunks:
                if chunk.afresh:
                    said.clear()
                said.append(chunk.text)
        return "".join(said)


async def _nothing(*args: Any, **more: Any) -> Any:
    return None


async def _no_file(id: str) -> Path:
    raise NotFound(f"no file {id}")


async def _once(turn: Turn, key: str, step: Callable[[], Awaitable[Any]]) -> Any:
    if key not in turn.memo:
        turn.memo[key] = await step()
    return turn.memo[key]


def apps(*names: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Return workflows of these names with a key each; ``more`` are settings by name."""
    return {name: {"dify_api_key": f"app-{name}", "max_retries": 0} | more.get(name, {}) for name in names}


def steps(turn: Turn, kind: str = "workflow") -> list[tuple[str, str]]:
    """Return the steps of a kind with their ends."""
    return [(span.name, span.status) for span in turn.spans if span.kind == kind]


async def hang(call: AppCall) -> VendorError:
    """Answer never."""
    await anyio.sleep_forever()
    raise AssertionError

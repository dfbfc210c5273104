"""A runtime that answers every message by itself, for tests of what stands around it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
from fake_debugger import FakeDebugger
from fake_replays import FakeForks, FakeReplays
from fake_workflows import FakeDatasets, FakeRouting, FakeWorkflows

from mindbot.bus import Bus
from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.errors import ConfigError, Conflict, NotFound, SecretError, StoreFull, TimedOut
from mindbot.domain.message import Json, Message
from mindbot.domain.operators import Operator
from mindbot.domain.ports.platform import Receipt, Receive, Webhook, WebhookRequest, WebhookResponse
from mindbot.domain.ports.store import NEWEST
from mindbot.domain.spending import DaySpent, Spender
from mindbot.filters.fields import EVENT_FIELDS
from mindbot.filters.language import parse
from mindbot.providers.management.standing import Standing
from mindbot.providers.manager import ProviderManager
from mindbot.runtime.resources.all import Resources
from mindbot.runtime.resources.jury import JuryResource
from mindbot.runtime.resources.providers import ProviderResource
from mindbot.runtime.resources.traces import TraceResource
from mindbot.runtime.strays import Strays
from mindbot.testing.stores.memory.spending import page_of


class EchoHook:
    """A webhook that takes its body as a text message."""

    name = "wecom"

    def __init__(self, bot: str = "default", port: int = 0, max_body: int = 1000) -> None:
        self.bot = bot
        self.host = "127.0.0.1"
        self.port = port
        self.max_body = max_body
        self.seen: list[WebhookRequest] = []

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        self.seen.append(request)
        if request.body == b"crash":
            raise RuntimeError("an adapter's mistake")
        if request.body == b"hang":
            await anyio.sleep_forever()
        if request.body == b"full":
            raise StoreFull("no space left")
        if request.method != "POST":
            return WebhookResponse(405, b"POST only")
        return WebhookResponse(200, request.body.upper())


PROVIDERS: Json = {
    "scripted": {
        "models": [{"name": "tiny", "tools": False}],
        "rules": [{"match": "twenty", "reply": "one two three"}],
    },
    "broken": {"type": "scripted", "rules": [{"match": "", "error": "auth_failed"}]},
    "unused": {"type": "scripted", "enabled": False},
}


class Sums:
    """What was spent, in memory and not summed."""

    def __init__(self) -> None:
        self.spent: list[DaySpent] = []

    async def settled(self) -> None: ...

    def count(self, spent: Sequence[DaySpent]) -> None:
        self.spent += spent

    async def of(self, by: Spender, who: str, first: str) -> list[DaySpent]:
        return [s for s in self.spent if (s.by, s.who) == (by, who) and s.day >= first]

    async def since(
        self, first: str, by: Spender, limit: int = 1000, after: tuple[str, str] = NEWEST
    ) -> list[DaySpent]:
        return page_of(self.spent, first, by, limit, after)


def providers_of(sections: Json) -> ProviderResource:
    """Return the real thing, with models that need no network and sums in memory."""
    loaded = load(environ={}, overrides={"providers": sections})
    sums = Sums()
    manager = ProviderManager(loaded.config, None, None, Standing(spending=sums))  # type: ignore[arg-type]
    generation: Any = SimpleNamespace(loaded=loaded, providers=manager)
    return ProviderResource(lambda: generation, sums)


_BUNDLE: Json = {
    "id": "b1",
    "kind": "failed",
    "component": "openai",
    "error": "overloaded",
    "cause": "500: the server had an error",
    "sample": "overloaded: 500: the server had an error",
    "turns": 12,
    "people": 10,
    "waiting": 9,
    "since": 1.0,
    "filter": 'error == "overloaded"',
}


class WholeTurns:
    """The turns of a fake with all that a real one says of them."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self._runtime = runtime

    async def get_turn(self, turn: str) -> Any:
        found = await self._runtime.get_turn(turn)
        spans = [{"status": "ok", "data": {}, **span} for span in found["spans"]]
        return {"route": {}, "vars": {}, **found, "spans": spans}


class FakeRuntime:
    """See `mindbot_daemon.server.backend.Runtime`."""

    def __init__(self, hooks: Sequence[Webhook] = ()) -> None:
        self.bus = Bus()
        self.strays = Strays()
        self.hooks = list(hooks)
        self.hastened: list[str] = []
        self.next_hooks: list[Webhook] | None = None
        self.turns: dict[str, Json] = {}
        self.looking, self.looked = anyio.Event(), anyio.Event()  # for turns "for ever", and no more
        self.slowly = False  # whether a look for turns comes one turn further only
        self.dead = ["letter-1"]
        self.asked_again = 0
        self.settled: list[tuple[str, str]] = []
        self.ill: list[Json] = []
        self.secrets: dict[str, str] = {}
        self.restarted: list[str] = []
        self.levels = {"": "info"}
        self.lines = [
            {"ts": 1.0, "level": "info", "text": "one"},
            {"ts": 2.0, "level": "error", "text": "two"},
        ]
        self.generation = 1
        self.store_state = "ok"
        self.drained: list[float] = []
        self.drain_takes = 0.0
        self.finish = anyio.Event()  # turns end when it is set
        self.finish.set()
        self.thoughts: list[str] = []  # shown before it turns out that they are no answer
        self.taken: dict[str, Operator] = {}
        self.resources: Any = SimpleNamespace(**dict.fromkeys(Resources.__dataclass_fields__, self))
        self.resources.providers = providers_of(PROVIDERS)
        self.resources.traces = TraceResource(WholeTurns(self))
        self.resources.workflows = FakeWorkflows()
        self.resources.debugger = FakeDebugger(self.turns)
        self.resources.datasets = FakeDatasets()
        self.resources.routing = FakeRouting()
        self.resources.replays = FakeReplays(self.turns)
        self.resources.forks = FakeForks()
        self.resources.jury = JuryResource(self.resources.replays, self.resources.debugger)

    def status(self) -> Json:
        return {
            "started": 1.0,
            "turns": {"running": 0, "queued": len(self.turns)},
            "config": {"files": ["a.yaml"], "generation": self.generation},
            "a_field_of_tomorrow": True,
        }

    def health(self) -> list[Json]:
        return [{"component": "store", "state": self.store_state, "reason": "", "since": 1.0}, *self.ill]

    def metric_times(self) -> Json:
        took = {"what": "stage", "name": "run", "counts": [1, 2, 0], "sum": 0.7}
        return {"started": 1.0, "bounds": [0.1, 0.5], "times": [took]}

    def metrics(self) -> bytes:
        return b"mindbot_up 1\n"

    def queue(self, limit: int) -> Json:
        waits = {"id": "T1-0", "place": "outbox", "state": "pending", "why": "retry", "attempts": 2}
        return {"turns": 0, "deliveries": 1, "disk": False, "queued": [waits]}

    def hasten(self, id: str, who: str) -> None:
        self.hastened.append(id)

    async def cancel(self, id: str, who: str) -> None:
        raise Conflict(f"{id} cannot be given up now")

    def platforms(self) -> list[Json]:
        return [{"bot": "default", "platform": "console", "state": "ok", "reason": "", "since": 1.0}]

    def platform(self, platform: str, bot: str) -> Json:
        if (platform, bot) != ("console", "default"):
            raise NotFound(f"no bot {platform}/{bot}", hint="bots: console/default")
        return self.platforms()[0]

    async def restart_platform(self, platform: str, bot: str) -> None:
        self.platform(platform, bot)
        self.restarted.append(f"{platform}/{bot}")

    async def list_sessions(self, *, limit: int = 100, before: str = "") -> list[Json]:
        last = {t["session"]: t for t in self.turns.values()}
        return [{"session": s, "turns": 1, "last": t["id"]} for s, t in reversed(last.items())][:limit]

    def config(self) -> Json:
        return {"files": ["a.yaml"], "values": {"log.level": "info"}, "origins": {"log.level": "a.yaml:2:3"}}

    async def unreadable_secrets(self, loaded: Any) -> list[str]:
        return []

    def changes(self, loaded: Any) -> list[Json]:
        return [{"key": "log.level", "old": "info", "new": "debug"}]

    def waiting(self, loaded: Any) -> list[str]:
        return ["log.level"]

    def logs(self, *, limit: int = 200, filter: str = "") -> list[Json]:
        keep = parse(filter, EVENT_FIELDS).compile()
        return [line for line in self.lines if keep(line)][-limit:]

    def log_levels(self) -> dict[str, str]:
        return self.levels

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        self.levels |= levels

    async def list_turns(self, *, filter: str = "", limit: int = 50, before: str = "") -> list[Json]:
        of = filter.removeprefix("session == ").strip('"')  # all that is understood beside words of a text
        found = [t for t in reversed(self.turns.values()) if filter in t["text"] or of == t["session"]]
        if before:
            found = found[[t["id"] for t in found].index(before) + 1 :]
        return found[:limit]

    async def find_turns(
        self, *, filter: str = "", limit: int = 50, before: str = "", patience: float = 2.0
    ) -> Json:
        if filter == "for ever":
            self.looking.set()
            try:
                await anyio.sleep_forever()
            finally:
                self.looked.set()
        if self.slowly:  # one turn a look
            listed = await self.list_turns(limit=2, before=before)
            match = [turn for turn in listed[:1] if filter in turn["text"]]
            following, back_to = (listed[0]["id"], listed[0]["received"]) if listed[1:] else ("", None)
            return {"turns": match, "next": following, "back_to": back_to, "looked": len(listed[:1])}
        found = await self.list_turns(filter=filter, limit=limit + 1, before=before)
        more = len(found) > limit
        last = found[limit - 1] if more else {"id": "", "received": None}
        back_to = last["received"]
        return {"turns": found[:limit], "next": last["id"], "back_to": back_to, "looked": len(found)}

    async def get_turn(self, turn: str) -> Json:
        if turn not in self.turns:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        return self.turns[turn]

    async def get_spans(self, turn: str) -> list[Json]:
        return list((await self.get_turn(turn))["spans"])

    async def stop_platform(self, platform: str, bot: str) -> None:
        self.platform(platform, bot)
        self.restarted.append(f"stop {platform}/{bot}")

    async def test_platform(self, platform: str, bot: str) -> list[Json]:
        self.platform(platform, bot)
        return [
            {"name": "token", "state": "ok", "detail": "", "mend": ""},
            {"name": "callbacks", "state": "failed", "detail": "none", "mend": "enter the URL"},
        ]

    async def push(
        self, *, platform: str, bot: str, text: str, user: str, group: str, files: Sequence[str]
    ) -> str:
        self.platform(platform, bot)
        return await self.inject(text=text, platform=platform, bot=bot, user=user, session="", files=files)

    async def transfer(self, session: str, to: str) -> Json:
        if session not in ("s", "a:b:cid/x==:y/transfer"):
            raise NotFound(f"no session {session!r}")
        return {"session": session, "state": "with a person", "servicer": to}

    def list_taken(self) -> list[Json]:
        return [{"session": s, "taken_by": by.user, "taken_since": 1.0} for s, by in self.taken.items()]

    async def take(self, session: str, operator: Operator, *, running: str, force: bool) -> Json:
        await self.clear_session(session)
        if self.taken.get(session, operator) != operator and not force:
            raise Conflict(f"{self.taken[session].user} has it")
        self.taken[session] = operator
        return {**self.list_taken()[0], "console": operator.console, "running": [running], "on_the_way": 0}

    async def say(
        self, session: str, operator: Operator, *, text: str, files: Sequence[str], key: str
    ) -> Json:
        if self.taken.get(session) != operator:
            raise Conflict(f"nobody has taken {session} over")
        turn = await self.inject(
            text=text, platform="a", bot="b", user=operator.user, session=session, files=files
        )
        self.turns[turn]["deliveries"] = [{"id": f"{turn}-0", "state": "sent"}]
        return {"session": session, "turn": turn, "left": None}

    async def hand_back(self, session: str, operator: Operator, *, to: str, force: bool) -> Json:
        if self.taken.pop(session, None) is None:
            raise Conflict(f"nobody has taken {session} over")
        return {"session": session, "taken_by": operator.user, "to": to, "waiting_since": None}

    async def clear_session(self, session: str) -> Json:
        if session not in ("s", "a:b:cid/x==:y/transfer"):
            raise NotFound(f"no session {session!r}")
        return {"session": session}

    async def roll_back(
        self, session: str, exchanges: int, expected: Sequence[str], *, dry_run: bool, by: str
    ) -> Json:
        found = [turn for turn in self.turns.values() if turn["session"] == session][-exchanges:]
        if not found:
            raise NotFound(f"no session {session!r}")
        told = [{**{k: t[k] for k in ("user", "text", "reply", "received")}, "turn": t["id"]} for t in found]
        if expected and [each["turn"] for each in told] != list(expected):
            raise Conflict("more was said since: the last exchanges are others", hint="look again")
        anew = [] if dry_run else [{"workflow": "hr", "replica": "", "done": True, "why": ""}]
        return {"session": session, "exchanges": told, "conversations": anew, "dry_run": dry_run}

    async def restore(self, session: str, *, by: str) -> Json:
        return await self.roll_back(session, 1, (), dry_run=False, by=by)

    async def take_back(self, turn: str) -> list[Json]:
        await self.get_turn(turn)
        return [
            {"id": f"{turn}-1", "taken_back": True, "why": ""},
            {"id": f"{turn}-0", "taken_back": False, "why": "sent more than a day ago"},
        ]

    async def query(self, sql: str, limit: int, timeout: float, who: str) -> Json:
        if sql == "for ever":
            raise TimedOut(f"longer than {timeout:g}s")
        return {
            "columns": ["n"],
            "rows": [[n] for n in range(limit)],
            "more": True,
            "cut": 0,
            "full": False,
            "took_ms": 1.0,
        }

    async def backup(self) -> Path:
        handle, name = tempfile.mkstemp()
        os.write(handle, b"SQLite format 3\0")
        os.close(handle)
        return Path(name)

    async def upload(self, chunks: AsyncIterable[bytes], name: str) -> Json:
        content = b"".join([chunk async for chunk in chunks])
        return {
            "id": "f" * 64 + ".bin",
            "size": len(content),
            "type": "application/octet-stream",
            "name": name,
        }

    async def facts(self, id: str) -> Json:
        return {"id": "f" * 64 + ".bin", "size": 16, "type": "application/octet-stream", "name": "a.bin"}

    async def content(self, id: str) -> tuple[Json, Path]:
        return await self.facts(id), Path(__file__)

    async def inject(
        self,
        *,
        text: str,
        platform: str,
        bot: str,
        user: str,
        session: str,
        files: Sequence[str],
        stream: bool = False,
        dry_run: bool = False,
    ) -> str:
        if platform == "nowhere":
            raise NotFound(f"no bot {platform}/{bot or '*'}", hint="bots: console/default")
        turn = ids.show(ids.new_id())
        state = {"drop me": "dropped", "fail me": "failed"}.get(text, "answered")
        self.turns[turn] = {
            "id": turn,
            "state": state,
            "platform": platform,
            "bot": bot or "default",
            "user": user or "operator",
            "session": session or "s",
            "dry_run": dry_run,
            "text": text,
            "reply": f"you said {text}" if state == "answered" else "",
            "received": 1000.0,
            "took_ms": 12.5,
            "spans": [
                {"id": 1, "parent": 0, "kind": "stage", "name": "deliver", "start": 1000.0, "took_ms": 12.0},
                {
                    "id": 2,
                    "parent": 1,
                    "kind": "model",
                    "name": "scripted",
                    "start": 1000.001,
                    "took_ms": 9.5,
                },
            ],
        }
        return turn

    async def wait_turn(self, turn: str, timeout: float) -> Json:
        with anyio.move_on_after(timeout):
            await self.finish.wait()
            found = await self.get_turn(turn)
            on_its_way = [{"state": "sending"}] if found.get("user") == "nobody" else []
            return {**found, "deliveries": on_its_way}
        raise TimedOut(f"turn {turn} is not done after {timeout:g}s", hint=f"see: mindbot trace {turn}")

    async def wait_sent(self, turn: str, timeout: float) -> Json:
        found = await self.wait_turn(turn, timeout)
        user = found.get("user", "")
        state, error = ("dead", f"no user {user}") if user == "nobody" else ("sent", "")
        state = "pending" if user == "slow" else state
        sent = {"id": f"{turn}-0", "state": state, "error": error, "sent_id": "m1"}
        if len(several := user.split(",")) > 1:
            sent["notes"] = {"not_reached": [each for each in several if each.startswith("nobody")]}
        return {**found, "deliveries": [sent], "delivery": {"dead": "undelivered"}.get(state, state)}

    async def watch_turn(self, turn: str) -> AsyncGenerator[Json, None]:
        found = await self.get_turn(turn)
        for thought in self.thoughts:
            yield {"type": "chunk", "text": thought}
        for n, word in enumerate(found["reply"].split()):
            more = {"afresh": True} if self.thoughts and not n else {}
            yield {"type": "chunk", "text": word + " ", **more}
        await self.finish.wait()
        yield {"type": "done", "turn": found}

    async def list_dead_letters(
        self, limit: int = 100, filter: str = "", *, settled: bool = False
    ) -> list[Json]:
        found: list[Json] = [{"id": id, "kind": "message", "error": "refused"} for id in self.dead]
        if settled:
            found += [
                {"id": id, "kind": "message", "state": "sent", "acted": did} for id, did in self.settled
            ]
        return found[:limit]

    async def failures(self, window: float) -> Json:
        bundles = [_BUNDLE] if self.dead else []
        return {"window_s": window, "looked": 12, "more": bool(self.dead), "bundles": bundles}

    async def bundle(self, id: str, window: float) -> Json:
        if id != _BUNDLE["id"]:
            raise NotFound(f"no failures {id!r}", hint="`mindbot failures` shows them; they may be over")
        who = {"platform": "wecom", "bot": "hr", "user": "lin", "text": "hello?", "turns": ["01T"]}
        return {**_BUNDLE, "who": [{**who, "waiting": True}]}

    async def retry(self, id: str, window: float) -> Json:
        refused = {"id": "01U", "done": False, "why": "01U is answered, neither failed nor dead"}
        return {"settled": [{"id": "01T", "done": True, "why": ""}, refused], "left": 3}

    async def reruns(self, id: str) -> Json:
        rerun = {"id": "01T", "turn": "01T", "platform": "wecom", "bot": "hr", "session": "wecom:hr:lin"}
        rerun |= {"user": "lin", "user_name": "", "text": "hello?", "received": 1.0, "why": ""}
        self.asked_again += 1
        outcome = "answered" if self.asked_again % 2 == 0 else "running"
        return {"ended": outcome != "running", "reruns": [{**rerun, "outcome": outcome}]}

    async def settle_dead_letters(
        self, action: str, ids: Sequence[str] | None, filter: str | None, limit: int, below: str
    ) -> Json:
        settled = []
        for id in list(self.dead) if ids is None else ids:
            try:
                await getattr(self, f"{action}_dead_letter")(id)
            except NotFound as error:
                settled.append({"id": id, "done": False, "why": str(error)})
            else:
                settled.append({"id": id, "done": True, "why": ""})
        return {"settled": settled, "more": False, "next": ""}

    async def get_dead_letter(self, id: str) -> Json:
        if id not in self.dead:
            raise NotFound(f"no dead letter {id!r}")
        return {"id": id, "kind": "message", "error": "refused"}

    async def retry_dead_letter(self, id: str) -> None:
        await self.discard_dead_letter(id)

    async def discard_dead_letter(self, id: str) -> None:
        if id not in self.dead:
            raise NotFound(f"no dead letter {id!r}")
        self.dead.remove(id)
        self.settled.append((id, "discard"))

    async def restore_dead_letter(self, id: str) -> None:
        if id not in self.dead:  # or restoring all of them would double the list
            self.dead.append(id)

    async def set_secret(self, name: str, value: str) -> None:
        if name == "locked":
            raise SecretError("the keyring is locked")
        self.secrets[name] = value

    async def list_secrets(self) -> list[str]:
        return sorted(self.secrets)

    async def delete_secret(self, name: str) -> None:
        if self.secrets.pop(name, None) is None:
            raise NotFound(f"no secret {name!r}")

    def webhooks(self) -> Sequence[Webhook]:
        return self.hooks

    async def receive(self, message: Message) -> Receipt:
        return Receipt(ids.new_id())

    async def use(self, loaded: Any, bind: Callable[[Sequence[Webhook]], Any]) -> list[str]:
        if self.next_hooks is not None:
            await bind(self.next_hooks)
            self.hooks = self.next_hooks
        self.generation += 1
        return ["store.file"]

    async def drain(self, timeout: float) -> bool:
        self.drained.append(timeout)
        await anyio.sleep(self.drain_takes)
        return True

    @asynccontextmanager
    async def opened(self, loaded: Any, state_dir: Path) -> AsyncIterator[FakeRuntime]:
        yield self


def opener(runtime: FakeRuntime) -> Callable[[Any, Path], AbstractAsyncContextManager[FakeRuntime]]:
    return runtime.opened


class Configuration:
    """What is loaded at each (re)load; ``broken`` makes the next one fail."""

    def __init__(self) -> None:
        self.broken = False

    def load(self) -> Any:
        if self.broken:
            raise ConfigError(
                "the configuration cannot be used", problems=["a.yaml:3: no such key", "a.yaml:9: bad"]
            )
        return SimpleNamespace(warnings=["a.yaml:2: a plain secret"])

"""Traffic through a platform's simulator: many users write, and every answer is checked on their phones.

As a process, against a running simulator: ``python -m mindbot.sim.traffic --plan-json '{"simulator":
"http://127.0.0.1:PORT", "callback": "http://127.0.0.1:2290/wecom/default/callback", "messages": 2000}'``
prints the report as one JSON line; exit code 0 only when every message was answered exactly once, in order.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

import anyio
import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from pydantic import BaseModel, ConfigDict, Field

from mindbot.domain.errors import ConfigError, NetworkFailed
from mindbot.domain.message import Json
from mindbot.sim.ledger import TrafficEntry, TrafficLedger, TrafficReport
from mindbot.sim.phones import Phones


class Acked(Protocol):
    """What became of a push."""

    acked: bool


class Sending(Protocol):
    """A simulator whose users can write."""

    phones: Phones
    callback_url: str

    def new_msgid(self) -> str: ...

    async def push_text(
        self, user: str, text: str, *, msgid: str = "", url: str = "", persistent: float = 0.0
    ) -> Acked: ...


class TrafficPlan(BaseModel):
    """What to send. Messages go round the users; a user's next one waits for the ack of the last.

    With ``connections`` as many callers share the messages, and each waits for its ack before it takes the
    next, as a vendor's gateway does: a closed loop, however many users there are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    callback: str = Field("", description="Where to push; empty: the simulator's callback URL.")
    simulator: str = Field("", description="Origin of a running simulator, when it is another process.")
    messages: int = Field(100, ge=1)
    users: int = Field(10, ge=1)
    connections: int = Field(0, ge=0, description="Callers that share the messages; 0: one a user.")
    user_prefix: str = Field("user", description="User ids are this and a number.")
    rate: float = Field(0.0, ge=0, description="Messages per second; 0: as fast as acks come.")
    text: str = Field("hello", description="Beginning of each text; a marker makes it unique.")
    texts: tuple[str, ...] = Field(
        (), description="In place of `text`: the beginnings of the texts, in turn."
    )
    equal_texts: bool = Field(False, description="No marker: all texts are equal, the ids are not.")
    copies: int = Field(1, ge=1, description="Deliver each callback so often, at the same time.")
    persistent: float = Field(0.0, ge=0, description="Keep sending for so many seconds until acked.")
    quiet: float = Field(30.0, ge=0, description="Give up when nothing came for so many seconds.")
    settle: float = Field(0.3, ge=0, description="Seconds to watch for duplicates after the last answer.")


async def run(plan: TrafficPlan, platform: Sending | None = None) -> TrafficReport:
    """Carry out a plan on ``platform``, or on the running simulator the plan names.

    Raises:
        ConfigError: there is neither, or no callback URL.
        NetworkFailed: the running simulator does not answer.
    """
    if platform is None:
        return await _run_elsewhere(plan)
    if not (plan.callback or platform.callback_url):
        raise ConfigError("the plan has no callback URL")
    users = [f"{plan.user_prefix}{i}" for i in range(min(plan.users, plan.messages))]
    ledger = TrafficLedger(plan.texts or (plan.text,), plan.messages, users, equal_texts=plan.equal_texts)
    start = time.perf_counter()
    with platform.phones.watched(ledger.see):
        async with anyio.create_task_group() as group:
            if plan.connections:
                shared = iter(ledger.entries)
                in_turn = {user: anyio.Lock(fast_acquire=True) for user in users}
                for _ in range(plan.connections):
                    group.start_soon(_call, plan, platform, shared, in_turn, start)
            else:
                for i in range(len(users)):
                    group.start_soon(_talk, plan, platform, ledger.entries[i :: len(users)], start)
        await ledger.settle(plan.quiet, plan.settle)
    return ledger.report()


async def _talk(plan: TrafficPlan, platform: Sending, entries: list[TrafficEntry], start: float) -> None:
    """Be one user."""
    for entry in entries:
        await _write(plan, platform, entry, start)


async def _call(
    plan: TrafficPlan,
    platform: Sending,
    shared: Iterator[TrafficEntry],
    in_turn: Mapping[str, anyio.Lock],
    start: float,
) -> None:
    """Be one connection: take the next message there is, whoever it is of."""
    for entry in shared:
        async with in_turn[entry.user]:
            await _write(plan, platform, entry, start)


async def _write(plan: TrafficPlan, platform: Sending, entry: TrafficEntry, start: float) -> None:
    """Send one message when its time has come, and wait for its acks."""
    if plan.rate:
        await anyio.sleep(max(0.0, start + entry.number / plan.rate - time.perf_counter()))
    entry.sent = time.perf_counter()
    msgid = platform.new_msgid()
    if plan.copies == 1:
        await _push(plan, platform, entry, msgid)
        return
    async with anyio.create_task_group() as group:
        for _ in range(plan.copies):
            group.start_soon(_push, plan, platform, entry, msgid)


async def _push(plan: TrafficPlan, platform: Sending, entry: TrafficEntry, msgid: str) -> None:
    pushed = await platform.push_text(
        entry.user, entry.text, msgid=msgid, url=plan.callback, persistent=plan.persistent
    )
    if pushed.acked and not entry.acked:
        entry.acked = time.perf_counter()


async def _run_elsewhere(plan: TrafficPlan) -> TrafficReport:
    if not plan.simulator:
        raise ConfigError("the plan names no simulator", hint='"simulator": "http://127.0.0.1:PORT"')
    url = f"{plan.simulator.rstrip('/')}/_sim/traffic"
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=None)) as session,
            session.post(url, json=plan.model_dump(exclude={"simulator"})) as response,
        ):
            report: Json = orjson.loads(await response.read())
    except (ClientError, OSError, ValueError) as exc:
        raise NetworkFailed(f"the simulator at {plan.simulator} does not answer: {exc}") from exc
    if response.status != 200:
        raise ConfigError(str(report.get("message")))
    report.pop("ok")
    return TrafficReport(**report)


def main() -> int:
    """Read a plan, carry it out, print the report; see the module."""
    parser = argparse.ArgumentParser(prog="python -m mindbot.sim.traffic", description=__doc__)
    parser.add_argument("--plan-json", required=True, help="the plan: JSON, or - to read it from stdin")
    text: str = parser.parse_args().plan_json
    try:
        plan = TrafficPlan.model_validate_json(sys.stdin.read() if text == "-" else text)
        report = anyio.run(run, plan)
    except (ConfigError, NetworkFailed, ValueError) as exc:
        print(f"traffic: {exc}", file=sys.stderr)
        return 1
    print(orjson.dumps(report.to_json()).decode())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())

"""One question to the models: the one loop that knows what to do when somebody does not answer."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

import anyio
import structlog

from mindbot.deadlines import now
from mindbot.domain.chat import ChatRequest, Chunk, Chunks, Usage
from mindbot.domain.errors import (
    ContentFiltered,
    MindBotError,
    NetworkFailed,
    RateLimited,
    StoreError,
    TimedOut,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.providers.management.deployments import Deployment, Deployments, Ticket
from mindbot.providers.management.foreign import ours, said_by
from mindbot.providers.management.keys import OF_THE_KEY
from mindbot.providers.management.noting import note_left_out, noting_calls
from mindbot.providers.management.shorter import OF_THE_HISTORY, Ask, Refusals
from mindbot.providers.management.tally import LastError
from mindbot.providers.management.verdict import (
    FOR_A_PERSON,
    GO_ON,
    OF_THE_PROMPT,
    fails_as_well,
    kind_of,
    of_our_limits,
    of_the_provider,
)
from mindbot.providers.shared import tokens
from mindbot.providers.shared.circuit import CoolReason
from mindbot.telemetry.redaction import told

log = structlog.get_logger("mindbot.providers")

Sleep = Callable[[float], Awaitable[None]]

_RETRIES = 3  # times that anybody is asked again, in the whole call
_TRIES_BEFORE_ANOTHER = 2  # of one, when another could answer instead
_TRIES_ANSWERED = 2  # when each may have to be paid for
_FIRST_BACKOFF = 0.5  # seconds; doubles with each try
_LONGEST_WAIT = 20.0  # a vendor that asks for more is given up for this answer
_WAITS = 60.0  # seconds of waiting in the whole call, at most
_ROUNDS = 2  # times that it waits for those who are left alone
_SILENT = 0.9  # of a provider's timeout: who takes that long gives no answer, rather than a failure
_NOTHING = 0.05  # seconds of a request's time with which nobody can do anything
_SPILL = 1.0  # seconds that a call waits for our own limits when another could answer instead


class Charge(Protocol):
    """Counts what an answer took, before its end is handed on; raises StoreError."""

    def __call__(
        self, deployment: Deployment, usage: Usage, notes: Json, *, told: bool
    ) -> Awaitable[None]: ...


@dataclass(slots=True)
class _Step:
    """A deployment that is to be asked; ``ask`` once it was found what it takes."""

    deployment: Deployment
    ask: Ask | None = None
    tries: int = 0
    shorter: bool = False  # than what it refused
    failure: MindBotError | None = None
    took: float = 0.0


class Asking:
    """See the module. ``line`` says who is asked, in order. ``tell`` learns of a provider (name, failure or
    None) how its last call went. ``longest`` is how many seconds a request without a deadline may take."""

    def __init__(
        self,
        deployments: Deployments,
        refusals: Refusals,
        request: ChatRequest,
        line: Callable[[], Awaitable[Sequence[Deployment]]],
        notes: Json,
        *,
        longest: float,
        sleep: Sleep,
        tell: Callable[[str, MindBotError | None], None],
        charge: Charge,
    ) -> None:
        self._deployments = deployments
        self._refusals = refusals
        self._request = request
        self._notes = notes
        self._sleep = sleep
        self._tell = tell
        self._charge = charge
        self._line = line
        self._longest = longest
        self._deadline = 0.0
        self._steps: deque[_Step] = deque()
        self._alone = False
        self._one_server = False  # whatever its keys and models
        self._spared: frozenset[CoolReason] = frozenset()
        self._shorter: list[_Step] = []
        self._waiting: list[_Step] = []
        self._failures: list[MindBotError] = []
        self._retries = _RETRIES
        self._waited = 0.0
        self._rounds = 0
        self._shown = False  # some of an answer
        self._stale = False  # what was shown is not the answer

    async def run(self) -> Chunks:
        """Yield the answer; raises the first failure when nobody could help, and what ``line`` raises."""
        self._deadline = self._request.deadline or now() + self._longest
        self._steps.extend(map(_Step, await self._line()))
        line = [step.deployment for step in self._steps]
        self._alone, self._one_server = len(line) == 1, len({each.provider for each in line}) == 1
        self._spared = self._deployments.spared(line)
        while await self._any():
            step = self._steps.popleft()
            ticket = self._deployments.admit(step.deployment, spared=self._spared)
            if ticket is None:
                self._skip(step)
                continue
            begun = time.monotonic()
            step.failure = None
            try:
                ask = self._begin(step)
                async with aclosing(self._answer(step, ask, begun)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                self._answered(step, ask, ticket)
            except TimedOut as exc:
                raise (self._failures or [exc])[0] from None
            except GO_ON as exc:
                step.failure, step.took = exc, time.monotonic() - begun
                if self._cut_short(step):
                    late = TimedOut(f"{step.deployment.provider}: the time for this answer is up")
                    self._note(step, late)
                    raise (self._failures or [late])[0] from exc
                self._judge(step, exc, ticket)
            finally:
                ticket.release()
            await self._deployments.standing.save()
            if step.failure is None:
                return
            await self._after(step, step.failure)
        if not self._failures:
            raise self._deployments.left_alone(self._waiting[0].deployment)
        raise self._failures[0]

    async def _any(self) -> bool:
        """Tell whether somebody is left to be asked; wait for who is left alone, if that is not long."""
        if not self._steps:
            self._steps.extend(self._shorter)
            self._shorter = []
        if not self._steps and self._waiting and not self._shown and self._rounds < _ROUNDS:
            self._rounds += 1
            free = await self._proved()
            self._waiting = [step for step in self._waiting if step not in free]
            self._steps.extend(free)
        return bool(self._steps)

    def _skip(self, step: _Step) -> None:
        self._waiting.append(step)
        deployment = step.deployment
        why = self._deployments.left_alone(deployment)
        self._notes.setdefault("skipped", []).append({**deployment.named, "why": told(why)})
        self._blame(deployment.provider, why)

    async def _proved(self) -> list[_Step]:
        """Wait until those who are left alone may be asked, and for who proves that; return them."""
        deployments = self._deployments
        soonest = min(deployments.waits(step.deployment) for step in self._waiting)
        if not self._may_wait(soonest):
            return []
        if soonest > 0:
            await self._pause(soonest)
        ends = now() + min(_LONGEST_WAIT, self._left())
        while True:
            free = [step for step in self._waiting if deployments.free(step.deployment)]
            probed = any(deployments.waits(step.deployment) == 0 for step in self._waiting)
            left = ends - now()
            if free or not probed or left <= 0:
                return free
            await deployments.standing.moved(left)

    # --- one of them

    def _begin(self, step: _Step) -> Ask:
        """Return what one is asked, and note that it is."""
        deployment = step.deployment
        if step.ask is None:
            whole = replace(
                self._request,
                model=deployment.model,
                deadline=self._deadline,
                sending=noting_calls(self._notes, self._request, deployment),
            )
            step.ask = self._refusals.first(whole, deployment.provider, deployment.model)
        for name in ("key", "type"):
            self._notes.pop(name, None)
        self._notes |= deployment.named
        if (kind := self._deployments.kind(deployment.provider)) != deployment.provider:
            self._notes["type"] = kind
        note_left_out(self._notes, step.ask)
        return step.ask

    def _answered(self, step: _Step, ask: Ask, ticket: Ticket) -> None:
        """Note that one answered."""
        deployment = step.deployment
        ticket.succeeded()
        if step.shorter:
            self._refusals.learn(ask, deployment.provider, deployment.model)
        self._tell(deployment.provider, None)

    async def _answer(self, step: _Step, ask: Ask, begun: float) -> Chunks:
        """Yield an answer, within our own limits, and have it counted before its end is handed on."""
        deployment, deployments = step.deployment, self._deployments
        with ours(deployment.provider):
            client = deployments.client(deployment.provider, deployment.key)
        settings = deployments.settings[deployment.provider]
        limits = deployments.standing.limits(deployment.provider, settings)
        tally = deployments.standing.tally(deployment.provider)
        request = ask.request
        guess = tokens.of_prompt(request.messages) if settings.token_limit else 0
        patience = _SPILL if self._others(deployment) else settings.timeout
        entry = await limits.enter(min(patience, self._left()), guess)
        tally.begin()
        said: list[str] = []
        usage: Usage | None = None
        first: float | None = None
        finished = charged = False
        try:
            async with aclosing(said_by(client, deployment.provider, request)) as chunks:
                async for chunk in chunks:
                    if first is None:
                        first = time.monotonic() - begun
                    if chunk.text or chunk.reasoning:
                        said.append(chunk.text or chunk.reasoning)
                    usage = chunk.usage or usage
                    if chunk.finish and not charged:
                        if not finished:
                            tally.answered(first, deployment.key.label)
                        finished = True
                        usage = await self._count(deployment, ask, usage, said)
                        charged = True
                    if chunk.notes:
                        self._notes.update(chunk.notes)
                    yield self._marked(chunk)
        finally:
            limits.leave()
            owed = finished or said or usage is not None  # it broke off, or was stopped: it costs the same
            if owed and not charged:
                usage = await self._count_rest(deployment, ask, usage, said)
            spent = usage.input_tokens + usage.output_tokens if usage is not None else 0
            limits.settle(entry, spent)
            tally.end(spent)

    def _marked(self, chunk: Chunk) -> Chunk:
        """Say where the answer begins, when what was shown before was another's that broke off."""
        if self._stale and (chunk.text or chunk.finish):
            chunk.afresh, self._stale = True, False
        self._shown = self._shown or bool(chunk.text or chunk.tool_calls)
        return chunk

    async def _count(
        self, deployment: Deployment, ask: Ask, usage: Usage | None, said: Sequence[str]
    ) -> Usage:
        known = usage is not None
        if usage is None:
            usage = Usage(tokens.of_prompt(ask.request.messages), tokens.of_text("".join(said)))
        await self._charge(deployment, usage, self._notes, told=known)
        return usage

    async def _count_rest(
        self, deployment: Deployment, ask: Ask, usage: Usage | None, said: Sequence[str]
    ) -> Usage | None:
        with anyio.CancelScope(shield=True):
            try:
                usage = await self._count(deployment, ask, usage, said)
            except StoreError as error:
                name = deployment.provider
                log.warning("a broken answer is not counted", provider=name, error=str(error))
        return usage

    # --- what a failure means

    def _note(self, step: _Step, failure: MindBotError) -> tuple[str, str]:
        kind, why = kind_of(failure), told(failure)
        self._notes.setdefault("failures", []).append({**step.deployment.named, "kind": kind, "why": why})
        return kind, why

    def _cut_short(self, step: _Step) -> bool:
        """Tell whether the request's time was up before whom it asked had as long as an answer may take."""
        failure, settings = step.failure, self._deployments.settings.get(step.deployment.provider)
        if not isinstance(failure, NetworkFailed) or failure.code != "timeout" or settings is None:
            return False
        return self._left() < _NOTHING and step.took < _SILENT * min(settings.timeout, self._longest)

    def _judge(self, step: _Step, failure: MindBotError, ticket: Ticket) -> None:
        """Note a failure, in the trace and with whom it says something about."""
        deployment, standing = step.deployment, self._deployments.standing
        kind, why = self._note(step, failure)
        if of_the_provider(failure):
            error = LastError(standing.clock(), kind, why, deployment.key.label, deployment.model)
            standing.tally(deployment.provider).failed(error)
        if isinstance(failure, OF_THE_KEY):
            if not of_our_limits(failure):
                pool = self._deployments.pool(deployment.provider)
                rate = "rate" not in self._spared
                pool.refused(deployment.key, failure, deployment.circuits[1].model, rate=rate)
        elif of_the_provider(failure):
            ticket.failed(why, opens="failures" not in self._spared)

    async def _after(self, step: _Step, failure: MindBotError) -> None:
        """Find out who is asked next; raises where nobody can help."""
        self._failures.append(failure)
        if isinstance(failure, ContentFiltered):
            raise failure
        self._stale = self._shown
        step.tries += 1
        if (wait := self._again(step, failure)) is not None:
            self._retries -= 1
            await self._pause(wait)
            self._steps.appendleft(step)
            return
        deployment = step.deployment
        if not isinstance(failure, OF_THE_KEY):  # its other keys would not help
            others = [each for each in self._steps if not fails_as_well(failure, deployment, each.deployment)]
            self._steps = deque(others)
        self._blame(deployment.provider, failure)
        if self._shown:
            return
        if isinstance(failure, OF_THE_HISTORY) and step.ask and (less := step.ask.after(failure)):
            self._shorter.append(_Step(deployment, less, shorter=True))
        if isinstance(failure, RateLimited) and not self._alone and self._retries:
            self._retries -= 1
            self._waiting.append(step)

    def _again(self, step: _Step, failure: MindBotError) -> float | None:
        """Return the seconds before the same one is asked again, with full jitter; None for no more."""
        if not failure.retryable or not self._retries or self._shown:
            return None
        answered = isinstance(failure, VendorError) and failure.answered
        if of_our_limits(failure) or (answered and step.tries >= _TRIES_ANSWERED):
            return None
        if isinstance(failure, RateLimited) and not self._alone:
            return None
        if not self._one_server and not self._deployments.free(step.deployment):
            return None
        if step.tries >= _TRIES_BEFORE_ANOTHER and self._others(step.deployment, failure):
            return None
        settings = self._deployments.settings.get(step.deployment.provider)
        if settings is not None and step.took >= _SILENT * settings.timeout:
            return None  # it gave no answer: its user would wait as long once more
        wait = random.uniform(0, _FIRST_BACKOFF * 2.0 ** (step.tries - 1))
        wait += failure.retry_after if isinstance(failure, RateLimited) else 0.0
        return wait if self._may_wait(wait) else None

    def _others(self, than: Deployment, failure: MindBotError | None = None) -> bool:
        """Tell whether another server could answer now, or one that does not fail in the same way."""
        others = [step.deployment for step in self._steps]
        if failure is None:
            others = [each for each in others if each.provider != than.provider]
        else:
            others = [each for each in others if not fails_as_well(failure, than, each)]
        return any(map(self._deployments.free, others))

    def _blame(self, provider: str, failure: MindBotError) -> None:
        """Tell that a provider failed: at once for a key a person must look after, else when it is left."""
        if isinstance(failure, OF_THE_PROMPT) or self._deployments.standing.is_off(provider):
            return
        others = any(step.deployment.provider == provider for step in self._steps)
        if isinstance(failure, FOR_A_PERSON) or not others:
            self._tell(provider, failure)

    # --- time

    def _left(self) -> float:
        return max(0.0, self._deadline - now())

    def _may_wait(self, seconds: float) -> bool:
        within = self._waited + seconds <= _WAITS and seconds < self._left()
        return seconds <= _LONGEST_WAIT and within

    async def _pause(self, seconds: float) -> None:
        self._waited += seconds
        await self._sleep(seconds)

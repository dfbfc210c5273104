"""What simulators of model vendors share: a request's way, keys, quotas, refusals, streams, the ledger."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import anyio
import orjson
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.models.conversation import ModelQuestion, ModelReply, Scripted, in_halves
from mindbot.sim.models.model import Model
from mindbot.sim.models.quotas import ModelQuotas, QuotaRules, Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal
from mindbot.sim.models.requests import Recorded, form_value
from mindbot.sim.models.streams import STREAM_KINDS, WHOLE_KINDS, Frame, StreamShape, play
from mindbot.sim.server import Simulator, SimulatorSettings, dumped, json_response

_KEPT = 1000  # requests remembered for tests
_WITH_BODY = frozenset({"POST", "PUT", "DELETE"})
_TIMEOUT_PAGE = b"<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>"
_MEGABYTE = b" " * (1 << 20)

#: Answers the requests of one path.
ModelRoute = Callable[[web.BaseRequest, Recorded], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSimSettings(SimulatorSettings):
    """``tokens_per_second`` 0 sends everything at once; ``clock`` is seconds since the epoch."""

    api_key: str = "sk-simulated"
    model: str = "sim-1"
    context_tokens: int = 128_000
    tokens_per_second: float = 0.0
    quotas: QuotaRules = field(default_factory=QuotaRules)
    clock: Callable[[], float] = time.time


class ModelSimulator(Simulator):
    """See the module. ``requests`` holds the latest requests, ``model.script`` prepared replies.

    ``refused`` maps keys that are refused to the names of their refusals, whatever ``strict`` says.
    """

    Settings: ClassVar[type[SimulatorSettings]] = ModelSimSettings
    kinds: ClassVar[Mapping[str, FaultKind]] = {**STREAM_KINDS, **WHOLE_KINDS}
    refusals: ClassVar[RefusalTable] = {}
    call_id: ClassVar[str] = "call_{:024d}"

    def __init__(self, settings: ModelSimSettings) -> None:
        super().__init__(settings)
        self.common = settings
        self.model = Model(settings.context_tokens, self.call_id)
        self.quotas = ModelQuotas(settings.quotas, settings.clock)
        self.refused: dict[str, str] = {}
        self.requests: deque[Recorded] = deque(maxlen=_KEPT)
        self.number = 0  # of the request being answered, from 1

    @abstractmethod
    def route(self, request: web.BaseRequest) -> ModelRoute:
        """Find what answers a request; raises ModelApiError."""

    @abstractmethod
    def key_of(self, request: web.BaseRequest) -> str:
        """Return the key that came with a request, "" for none."""

    @abstractmethod
    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        """Look at the key and the other headers of a request; raises ModelApiError."""

    @abstractmethod
    def unreadable(self) -> ModelApiError:
        """Word a body that is no JSON object."""

    @abstractmethod
    def over_quota(self, spent: Spent) -> ModelApiError:
        """Word a quota that is used up."""

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        """Return the headers of every answer."""
        return {}

    def reworded(self, exc: ModelApiError) -> ModelApiError:
        """Return a refusal as it is sent, where a simulator speaks in more than one way."""
        return exc

    def refusal_body(self, exc: ModelApiError, recorded: Recorded) -> Any:
        """Return what is sent of a refusal of this request."""
        return exc.body

    def refusal(self, name: str) -> ModelApiError:
        """Return a refusal by its name; raises NotFound."""
        return refusal(self.refusals, name, self.common.clock())

    def script(self, *replies: Scripted) -> None:
        """Prepare replies, to be used in this order."""
        self.model.script.extend(replies)

    def reset(self) -> None:
        super().reset()
        self.model.script.clear()
        self.requests.clear()
        self.quotas.forget()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.number += 1
        headers = {name.lower(): value for name, value in request.headers.items()}
        recorded = Recorded(
            request.method, request.path, headers,
            number=self.number, query=dict(request.query), key=self.key_of(request),
        )  # fmt: skip
        try:
            with self.quotas.one_more() as spent:
                if spent is not None:
                    raise self.over_quota(spent)
                response = await self._answer(request, recorded)
            recorded.status = response.status
        except ModelApiError as refused:
            exc = self.reworded(refused)
            self.counters[f"status.{exc.status}"] += 1
            recorded.status, recorded.ended = exc.status, True
            heads = {**self.answer_headers(recorded), **exc.headers}
            return json_response(self.refusal_body(exc, recorded), exc.status, heads)
        return response

    async def _answer(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        self.requests.append(recorded)
        for fault in self.faults.strikes(self.place(request), self.refusals) if self.faults else ():
            raise self.refusal(fault.kind)
        route = self.route(request)
        self.check(request, recorded)
        if recorded.key in self.refused:
            raise self.refusal(self.refused[recorded.key])
        if request.method in _WITH_BODY:
            recorded.body = await self.read(request)
        return await route(request, recorded)

    async def read(self, request: web.BaseRequest) -> Json:
        """Return the body of a request: a JSON object, or the fields of a form.

        Raises:
            ModelApiError: it is neither.
        """
        if request.content_type == "multipart/form-data":
            return {name: form_value(value) for name, value in (await request.post()).items()}
        try:
            body = orjson.loads(await request.read())
        except ValueError as exc:
            raise self.unreadable() from exc
        if not isinstance(body, dict):
            raise self.unreadable()
        return body

    async def reply(self, recorded: Recorded, question: ModelQuestion) -> ModelReply:
        """Let the model answer, after the time it thinks.

        Raises:
            TooLong: the question exceeds the context.
            ModelApiError: a quota is used up.
        """
        reply = self.decide(recorded, question)
        if self.latency or reply.think:
            await anyio.sleep(self.latency + reply.think)
        return reply

    def decide(self, recorded: Recorded, question: ModelQuestion) -> ModelReply:
        """Do the same at once, for vendors whose answer is fetched later."""
        recorded.question = question
        spent = self.quotas.take(recorded.key, question.tokens)
        if spent is not None:
            raise self.over_quota(spent)
        reply = self.model.reply(question)
        if self.faults and self.faults.strike(recorded.path, "half-surrogates"):
            reply.text = in_halves(reply.text)
        self.quotas.spend(recorded.key, reply.tokens)
        return reply

    def framed(self, request: web.BaseRequest, streamed: bool) -> bool:
        """Whether an answer is streamed that is asked for so, or not: one fault does the other thing."""
        return streamed != bool(self.faults and self.faults.strike(self.place(request), "other-framing"))

    async def whole(
        self, request: web.BaseRequest, recorded: Recorded, body: object, tokens: int = 0
    ) -> web.StreamResponse:
        """Send an answer that is not streamed, after the time that ``tokens`` take."""
        if tokens and self.common.tokens_per_second:
            await anyio.sleep(tokens / self.common.tokens_per_second)
        recorded.ended = True
        headers = self.answer_headers(recorded)
        struck = self.faults.strikes(self.place(request), WHOLE_KINDS) if self.faults else []
        if struck:
            return await self._spoiled(request, struck[0], dumped(body), headers)
        return json_response(body, headers=headers)

    async def _spoiled(
        self, request: web.BaseRequest, fault: Fault, data: bytes, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        response.content_type = "application/json"
        await response.prepare(request)
        if fault.kind == "huge":
            for _ in range(fault.count("mb", 200)):
                await response.write(_MEGABYTE)
            await response.write(data)
            return response
        await response.write(data[: len(data) // 2])
        _close(request)
        return response

    async def gave_up(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Return a proxy's page, after the time it waits, where the fault for that strikes.

        For simulators of `GATEWAY_KINDS`, when a run has begun that goes on.
        """
        fault = self.faults.strike(self.place(request), "gateway-504") if self.faults else None
        if fault is None:
            return None
        await anyio.sleep(fault.seconds)
        status = int(fault.options.get("status", 504))
        return web.Response(body=_TIMEOUT_PAGE, status=status, content_type="text/html")

    async def stream(
        self,
        request: web.BaseRequest,
        recorded: Recorded,
        frames: Iterable[Frame] | AsyncIterable[Frame],
        shape: StreamShape,
        headers: Mapping[str, str] | None = None,
    ) -> web.StreamResponse:
        """Send a streamed answer, with the faults that strike it.

        Frames that come by themselves (an async iterable) are sent as they come, whatever the speed.
        """
        response = web.StreamResponse(headers={**self.answer_headers(recorded), **(headers or {})})
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Type"] = shape.content_type
        await response.prepare(request)
        recorded.status = 200
        found = self.faults.strikes(self.place(request), STREAM_KINDS) if self.faults else []
        struck = {fault.kind: fault for fault in found}
        speed = 0.0 if isinstance(frames, AsyncIterable) else self.common.tokens_per_second
        if not isinstance(frames, AsyncIterable) and not struck and not speed:
            await response.write(b"".join(frame.data for frame in frames))
        elif not await play(response, frames, shape, struck, 1 / speed if speed else 0.0):
            _close(request)
            return response
        recorded.ended = True
        return response


def _close(request: web.BaseRequest) -> None:
    """Break the connection behind what was written."""
    if request.transport is not None:
        request.transport.close()

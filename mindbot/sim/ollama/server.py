"""The Ollama simulator: chats as lines of JSON, embeddings, and the models with what they can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import anyio
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.models.conversation import ModelQuestion, Utterance, count_tokens
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.models.vectors import embed
from mindbot.sim.ollama.checks import complaint, fitted
from mindbot.sim.ollama.errors import REFUSALS, bad, refused, worded
from mindbot.sim.ollama.fields import EMBED
from mindbot.sim.ollama.frames import SHAPE, Durations, line, stream, tool_calls, whole
from mindbot.sim.ollama.library import CAPABILITIES, Library, LocalModel
from mindbot.sim.server import SimulatorSettings

VERSION = "0.13.2"
_CONTEXT = 4096  # tokens a request gets without `num_ctx`
_EMBEDDED = 8192  # tokens
Role = Literal["system", "user", "assistant", "tool"]
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "assistant": "assistant",
    "tool": "tool",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaSimSettings(ModelSimSettings):
    """``load`` is the seconds a model takes to get into memory; ``call_ids``: tool calls have ids.

    ``capabilities`` are the model's. The key is asked for with ``strict`` and ``cloud`` alone.
    """

    model: str = "sim-1"
    embedding_model: str = "sim-embedding-1"
    dimensions: int = 256
    capabilities: tuple[str, ...] = CAPABILITIES
    load: float = 0.0
    call_ids: bool = True
    cloud: bool = False


class OllamaSimulator(ModelSimulator):
    """See the module. ``library`` are its models."""

    name: ClassVar[str] = "ollama"
    Settings: ClassVar[type[SimulatorSettings]] = OllamaSimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {**ModelSimulator.kinds, **refusal_kinds(REFUSALS)}
    call_id: ClassVar[str] = "call_{:08x}"

    def __init__(self, settings: OllamaSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        chat = LocalModel(name=settings.model, capabilities=settings.capabilities)
        vectors = LocalModel(
            name=settings.embedding_model,
            capabilities=("embedding",),
            context=_EMBEDDED,
            dimensions=settings.dimensions,
        )
        self.library = Library([chat, vectors], settings.clock)
        self._routes: dict[str, ModelRoute] = {
            "GET /": self._alive,
            "HEAD /": self._alive,
            "GET /api/version": self._version,
            "GET /api/tags": self._tags,
            "GET /api/ps": self._running,
            "POST /api/show": self._show,
            "POST /api/chat": self._chat,
            "POST /api/embed": self._embed,
        }

    def details(self) -> Json:
        s = self.settings
        key = {"api_key": s.api_key} if s.cloud else {}
        return {"base_url": self.base_url, "model": s.model, "embedding_model": s.embedding_model, **key}

    def reset(self) -> None:
        super().reset()
        self.library.clear()

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        return worded(fault.number, fault.options.get("code", ""))

    def route(self, request: web.BaseRequest) -> ModelRoute:
        found = self._routes.get(f"{request.method} {request.path}")
        if found is not None:
            self.counters[request.path.removeprefix("/api/")] += 1
            return found
        if any(route.endswith(f" {request.path}") for route in self._routes):
            raise ModelApiError(405, {"error": "405 method not allowed"})
        raise ModelApiError(404, {"error": "404 page not found"})

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        if self.settings.strict and self.settings.cloud and recorded.key != self.settings.api_key:
            raise refused("unauthorized")

    def unreadable(self) -> ModelApiError:
        return bad("invalid character '<' looking for beginning of value")

    def over_quota(self, spent: Spent) -> ModelApiError:
        return refused("busy" if spent.rule == "at_once" else "rate")

    async def _alive(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return web.Response(text="Ollama is running")

    async def _version(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, {"version": VERSION})

    async def _tags(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, {"models": [m.listed() for m in self.library.all()]})

    async def _running(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, {"models": self.library.running()})

    async def _show(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, self._model(recorded.body).shown())

    def _model(self, body: Json) -> LocalModel:
        """Return the model that is asked for; without ``strict`` any name means the usual one."""
        name = body.get("model") or body.get("name") or ""
        if not isinstance(name, str) or not name:
            raise bad("model is required")
        found = self.library.find(name)
        if found is None and self.settings.strict:
            raise refused("not-found", name)
        return found or LocalModel(name=name, capabilities=self.settings.capabilities)

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        model = self._model(body)
        if found := complaint(body, model):
            raise bad(found)
        load = await self._loaded(model, body)
        messages = body.get("messages") or []
        if not messages:
            return await self._only_loaded(request, recorded, model)
        question = self._question(body, messages)
        try:
            reply = await self.reply(recorded, question)
        except TooLong as exc:
            raise refused("context", body["model"]) from exc
        calls = tool_calls(reply.calls, with_ids=self.settings.call_ids)
        spent = Durations(
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.tokens,
            load_seconds=load,
            cached=bool(reply.cached),
        )
        if body.get("stream", True):
            return await self.stream(request, recorded, stream(reply, calls, spent), SHAPE)
        return await self.whole(request, recorded, whole(reply, calls, spent), reply.tokens)

    async def _loaded(self, model: LocalModel, body: Json) -> float:
        """Get a model into memory; returns the seconds it took."""
        if not self.library.load(model, body.get("keep_alive")):
            return 0.0
        if self.settings.load:
            await anyio.sleep(self.settings.load)
        self.counters["loaded"] += 1
        return self.settings.load

    async def _only_loaded(
        self, request: web.BaseRequest, recorded: Recorded, model: LocalModel
    ) -> web.StreamResponse:
        reason = "load"
        if recorded.body.get("keep_alive") in (0, "0", "0s"):
            self.library.unload(model)
            reason = "unload"
        said = line(recorded.body["model"], {"content": ""}, done=True, done_reason=reason)
        return await self.whole(request, recorded, said)

    def _question(self, body: Json, messages: list[Json]) -> ModelQuestion:
        options = body.get("options") or {}
        limit = options.get("num_ctx") or _CONTEXT
        sizes = [ModelQuestion("", _said([message])).tokens for message in messages]
        if sum(sizes) > limit and body.get("truncate") is False:
            raise refused("context", body["model"])
        stops = options.get("stop") or ()
        return ModelQuestion(
            model=body["model"],
            said=_said(fitted(messages, sizes, limit)),
            tools=tuple((t.get("function") or {}).get("name") or "" for t in body.get("tools") or ()),
            limit=max(0, options.get("num_predict") or 0),
            stops=(stops,) if isinstance(stops, str) else tuple(stops),
            thinks=bool(body.get("think")),
        )

    async def _embed(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        model = self._model(body)
        if self.settings.strict and "embedding" not in model.capabilities:
            raise bad(f'"{body["model"]}" does not support embeddings')
        if field := EMBED.misfit(body):
            raise bad(f"json: cannot unmarshal value into Go struct field EmbedRequest.{field}")
        inputs: Any = body.get("input")
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise bad("invalid input type")
        if body.get("truncate") is False and any(count_tokens(text) > _EMBEDDED for text in texts):
            raise refused("context", body["model"])
        load = await self._loaded(model, body)
        dimensions = max(0, body.get("dimensions") or 0) or self.settings.dimensions
        answer = {
            "model": body["model"],
            "embeddings": [embed(text, dimensions) for text in texts],
            "total_duration": int(load * 1e9) + 14_000_000,
            "load_duration": int(load * 1e9) + 1_000_000,
            "prompt_eval_count": sum(min(count_tokens(text), _EMBEDDED) for text in texts),
        }
        return await self.whole(request, recorded, answer)


def _said(messages: list[Json]) -> list[Utterance]:
    """Return the messages in the form that all vendors share.

    A result names its tool, not the call: it is taken for the call's whose id it gives, if any.
    """
    found = []
    for message in messages:
        role: Role = _ROLES.get(message.get("role") or "", "user")
        calls = tuple(_call_id(call) for call in message.get("tool_calls") or ())
        result_of = message.get("tool_call_id") or message.get("tool_name") or "" if role == "tool" else ""
        pictures = len(message.get("images") or ())
        found.append(Utterance(role, message.get("content") or "", calls, result_of, pictures))
    return found


def _call_id(call: Json) -> str:
    """Return what tells a tool call from others: its id, or its name in older builds."""
    return call.get("id") or (call.get("function") or {}).get("name") or ""

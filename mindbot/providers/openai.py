"""OpenAI and every server that speaks its chat completions: GLM, vLLM, llama.cpp, Ollama's ``/v1`` face.

Source: OpenAI API reference, "Chat completions", "Streaming" and "Error codes".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

import anyio

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import ChatRequest, Chunks
from mindbot.domain.errors import AuthFailed, Rejected, TimedOut, VendorError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.http.guard import endpoint
from mindbot.providers.errors import refusal
from mindbot.providers.limits import CallLimits
from mindbot.providers.openai_settings import OpenAISettings
from mindbot.providers.openai_wire import ANSWER_BYTES, AnswerReader, request_body
from mindbot.providers.optional import Optional
from mindbot.providers.reading import Reading, read
from mindbot.providers.secrets import bare_key
from mindbot.providers.thinking import unopened

DEFAULT_BASE_URL = "https://api.openai.com/v1"
#: Sent when no model is configured: servers with a single model ignore the name.
_NO_MODEL = ModelSettings(name="default")
_TOTAL = 3  # times the timeout, for a stream
_BODY = 16  # times the longest answer: JSON takes up to six bytes for one, and there is more than the answer
#: Characters of a model's first answer that are held back: an end tag may make thinking of them.
_HOLD = 16

LimitField = Literal["max_tokens", "max_completion_tokens"]


class OpenAIProvider:
    """See the module. Times are seconds; ``concurrency`` and ``rate`` (calls a minute) 0 mean no limit.

    ``api_key`` is the key, empty for servers that want none, or a function that finds it at the first call
    and again after a refusal. The first of ``models`` is the default. ``timeout`` bounds a plain call as a
    whole, and in a stream the wait for its beginning and every gap; ``total`` bounds a stream (0: three times
    that). An answer longer than ``answer_bytes`` or ``total`` ends there, with finish ``length``.
    """

    Settings = OpenAISettings

    def __init__(
        self,
        name: str,
        *,
        http: Http,
        base_url: str = "",
        api_key: str | Callable[[], Awaitable[str]] = "",
        models: Sequence[ModelSettings] = (),
        timeout: float = 60.0,
        total: float = 0.0,
        answer_bytes: int = ANSWER_BYTES,
        concurrency: int = 0,
        rate: int = 0,
        max_tokens_field: LimitField = "max_tokens",
        stream: bool = True,
    ) -> None:
        self.name = name
        self._http = http
        base_url = base_url or DEFAULT_BASE_URL
        self._url = endpoint(base_url, "/chat/completions")
        self._find_key = api_key
        self._key: str | None = None
        self._models = {model.name: model for model in models}
        self._default = models[0] if models else _NO_MODEL
        self._timeout = timeout
        self._total = total or _TOTAL * timeout
        self._answer_bytes = answer_bytes
        self._most = _BODY * answer_bytes
        self._limits = CallLimits(name, concurrency=concurrency, rate=rate)
        self._max_tokens_field = max_tokens_field
        self._stream = stream
        self._optional = Optional()
        #: By model, how much is held back at the beginning of an answer: see `Thinking`.
        self._holds = {model.name: -1 for model in models if unopened(model.name)}
        http.allow(base_url)

    @classmethod
    def build(cls, name: str, settings: OpenAISettings, http: Http, secrets: Secrets) -> OpenAIProvider:
        """Make the provider of a `providers:` entry; its key is looked up at the first call."""
        key = settings.api_key
        field: LimitField = settings.max_tokens_field
        if "max_tokens_field" not in settings.model_fields_set and not settings.base_url:
            field = "max_completion_tokens"  # OpenAI's reasoning models refuse the old name
        return cls(
            name,
            http=http,
            base_url=settings.base_url,
            api_key="" if key is None else lambda: secrets.aget(key),
            models=settings.models,
            timeout=settings.timeout,
            total=settings.stream_timeout,
            answer_bytes=settings.answer_bytes,
            concurrency=settings.concurrency,
            rate=settings.rate_limit or 0,
            max_tokens_field=field,
            stream=settings.stream,
        )

    async def chat(self, request: ChatRequest) -> Chunks:
        """Yield the answer; the last chunk has ``finish``, ``usage``, the tool calls and notes.

        Raises:
            VendorError: by what went wrong; `Truncated` for a stream that broke off.
            SecretError: the key is not there.
            TimedOut: the request's deadline has passed.
        """
        await self._limits.enter(min(self._timeout, self._left(request)))
        try:
            asked = self._body(request)
            headers = await self._headers()
            while True:
                body = self._optional.fit(asked)
                try:
                    async with aclosing(self._answered(body, headers, self._left(request))) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except _Refused as exc:
                    if not self._optional.learn(body, exc.body):
                        raise exc.error from None
                else:
                    return
        except AuthFailed:
            self._key = None  # it may have been replaced since it was looked up
            raise
        finally:
            self._limits.leave()

    async def _answered(self, body: Json, headers: Mapping[str, str], left: float) -> Chunks:
        """Ask once. Raises like `chat`, and `_Refused` where the request itself is refused."""
        model = str(body["model"])
        answer = AnswerReader(
            self.name, hide=self._key or "", limit=self._answer_bytes, hold=self._holds.get(model, _HOLD)
        )
        total = min(self._total if "stream" in body else self._timeout, left)
        ends = anyio.current_time() + total
        async with self._http.stream(
            "POST",
            self._url,
            json=body,
            headers=headers,
            first_byte=self._timeout,
            idle=self._timeout,
            total=total,
        ) as response:
            reading = Reading(self.name, response, timeout=self._timeout, ends=ends, limit=self._most)
            if not 200 <= response.status < 300:
                raise self._refusal(response.status, await reading.head(), response.headers)
            try:
                async with aclosing(read(reading, answer)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except VendorError as exc:
                exc.answered = True
                raise
        if answer.closed_unopened:
            self._holds[model] = -1
        elif answer.spoke:
            self._holds[model] = 0
        last = answer.end()
        if left_out := self._optional.left_out(model):
            last.notes["unsent"] = left_out
        yield last

    def _body(self, request: ChatRequest) -> Json:
        model = self._models.get(request.model, self._default)
        return request_body(
            replace(
                request,
                model=request.model or model.name,
                temperature=model.temperature if request.temperature is None else request.temperature,
                max_tokens=model.max_tokens if request.max_tokens is None else request.max_tokens,
                stream=request.stream and self._stream,
            ),
            self._max_tokens_field,
        )

    async def _headers(self) -> Mapping[str, str]:
        if self._key is None:
            found = self._find_key if isinstance(self._find_key, str) else await self._find_key()
            self._key = bare_key(found)
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _left(self, request: ChatRequest) -> float:
        if not request.deadline:
            return float("inf")
        left = request.deadline - anyio.current_time()
        if left <= 0:
            raise TimedOut(f"{self.name}: the time for this answer is up")
        return left

    def _refusal(self, status: int, body: bytes, headers: Mapping[str, str]) -> Exception:
        error = refusal(self.name, status, body, headers, hide=self._key or "")
        return _Refused(error, body) if isinstance(error, Rejected) and status in (400, 422) else error


class _Refused(Exception):
    """The request is not one this server takes; ``body`` is what it says."""

    def __init__(self, error: Rejected, body: bytes) -> None:
        super().__init__(error)
        self.error = error
        self.body = body

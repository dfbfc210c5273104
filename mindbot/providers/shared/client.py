"""A vendor's model behind HTTP: what all wire families share: keys, limits, deadlines, fields not taken.

A family says where a call goes and with which body (`ModelClient.call`), how it shows its key (`auth`), and
how its answers are read (`reader`). One that has to send files first does so in `asked`; one whose vendor
goes on with an answer that nobody reads any more ends that in `stop`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import anyio
import structlog

from mindbot.config.models import ModelSettings, ProviderSettings
from mindbot.deadlines import now
from mindbot.domain.chat import Capabilities, ChatRequest, Chunks
from mindbot.domain.errors import AuthFailed, MindBotError, Rejected, TimedOut, VendorError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.providers.errors import accuses, is_page, refusal, refusal_in_stream, web_page
from mindbot.providers.shared.answer import ANSWER_BYTES, AnswerReader
from mindbot.providers.shared.attachments import LARGE, MOST_BYTES, ready, weight
from mindbot.providers.shared.known_models import known
from mindbot.providers.shared.limits import CallLimits
from mindbot.providers.shared.optional import Optional, RefusedRequest
from mindbot.providers.shared.reading import Reading, read
from mindbot.providers.shared.secrets import bare_key
from mindbot.providers.shared.sending import SENDING
from mindbot.providers.shared.thinking import unopened

#: Sent when no model is configured: servers with a single model ignore the name.
_NO_MODEL = ModelSettings(name="default")
_TOTAL = 3  # times the timeout, for a stream
_BODY = 16  # times the longest answer: JSON takes up to six bytes for one, and there is more than the answer
#: Characters of a model's first answer that are held back: an end tag may make thinking of them.
_HOLD = 16
_STOPPING = 2.0  # seconds for telling the vendor that nobody listens any more

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a vendor. ``body`` is JSON; ``streamed`` is whether a stream was asked for.

    ``unsent`` are the fields of the request that this vendor does not take, for the trace.
    """

    url: str
    body: Json
    streamed: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    unsent: tuple[str, ...] = ()


class ModelClient(ABC):
    """See the module. Times are seconds; ``concurrency`` and ``rate`` (calls a minute) 0 mean no limit.

    ``api_key`` is the key, empty for servers that want none, or a function that finds it at the first call
    and again after a refusal. The first of ``models`` is the default. ``timeout`` bounds a plain call as a
    whole, and in a stream the wait for its beginning and every gap; ``total`` bounds a stream (0: three times
    that). An answer longer than ``answer_bytes`` or ``total`` ends there, with finish ``length``.
    """

    #: The kind of vendor: what it signed goes back to its kind alone.
    vendor: ClassVar[str] = ""
    #: Where the vendor's own service is.
    home: ClassVar[str] = ""
    #: Whether the vendor fetches pictures and files from addresses by itself.
    fetches: ClassVar[bool] = True
    #: What the MIME types of the pictures and files that it takes begin with; empty: whatever there is.
    media: ClassVar[tuple[str, ...]] = ()
    #: Bytes of the largest picture that it takes.
    picture_bytes: ClassVar[int] = MOST_BYTES

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
        stream: bool = True,
    ) -> None:
        self.name = name
        self.http = http
        self.base_url = base_url or self.home
        self.timeout = timeout
        self._find_key = api_key
        self._key: str | None = None
        self._models = {model.name: model for model in models}
        self._default = models[0] if models else _NO_MODEL
        self._total = total or _TOTAL * timeout
        self._answer_bytes = answer_bytes
        self._most = _BODY * answer_bytes
        self._limits = CallLimits(name, concurrency=concurrency, rate=rate)
        self._stream = stream
        self._able: dict[str, Capabilities] = {}
        self._optional = Optional()
        #: By model, how much is held back at the beginning of an answer: see `Thinking`.
        self._holds = {model.name: -1 for model in models if unopened(model.name)}
        http.allow(self.base_url)

    @classmethod
    def build(cls, name: str, settings: Any, http: Http, secrets: Secrets) -> Self:
        """Make the provider of a `providers:` entry; its key is looked up at the first call."""
        return cls(name, http=http, **cls.arguments(settings, secrets))

    @classmethod
    def arguments(cls, settings: ProviderSettings, secrets: Secrets) -> dict[str, Any]:
        """Return what an entry's settings are to the client; a family with more of them adds its own."""
        key = settings.api_key
        return {
            "base_url": settings.base_url,
            "api_key": "" if key is None else lambda: secrets.aget(key),
            "models": settings.models,
            "timeout": settings.timeout,
            "total": settings.stream_timeout,
            "answer_bytes": settings.answer_bytes,
            "concurrency": settings.concurrency,
            "rate": settings.rate_limit or 0,
            "stream": settings.stream,
        }

    # --- what a family says

    @abstractmethod
    def call(self, request: ChatRequest) -> Call:
        """Return the call for a request: its model is named, its attachments hold their bytes.

        Raises:
            Rejected: this vendor cannot be asked such a thing.
        """

    async def asked(self, request: ChatRequest, headers: Mapping[str, str]) -> Call:
        """Return the call for a request, after whatever has to be sent before it. Raises like `call`, and
        VendorError."""
        if weight(request.messages) > LARGE:  # base64 takes a while
            return await anyio.to_thread.run_sync(self.call, request)
        return self.call(request)

    @abstractmethod
    def reader(self, model: str, **more: Any) -> AnswerReader:
        """Return what reads one answer of a model."""

    async def stop(self, call: Call, running: Mapping[str, str]) -> None:
        """Tell the vendor that nobody reads this answer to its end (`AnswerReader.running`).

        Raises:
            MindBotError: it does not work; nobody is there to be told.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Look the key up again before the next call: it may have been replaced."""
        self._key = None

    def renew(self) -> bool:
        """Drop what was made of the key and was refused; true where the key may make another."""
        return False

    def clean(self, key: str) -> str:
        """Return a key as it is shown, without what copying it may have added; raises SecretError."""
        return bare_key(key)

    async def auth(self, key: str) -> Mapping[str, str]:
        """Return the headers that show the key."""
        return {"Authorization": f"Bearer {key}"}

    # --- what every one does

    @property
    def default(self) -> str:
        """The model that is asked where none is named."""
        return self._default.name

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what a model can do: by its name, unless its entry says otherwise."""
        if (able := self._able.get(model)) is not None:
            return able
        settings = self._models.get(model, self._default)
        told = {
            field: value
            for field in ("tools", "images", "files", "audio", "max_context")
            if (value := getattr(settings, field)) is not None
        }
        able = replace(known(model or settings.name), streaming=self._stream, **told)
        return self._able.setdefault(model, able)

    async def chat(self, request: ChatRequest) -> Chunks:
        """Yield the answer; the last chunk has ``finish``, ``usage``, the tool calls and notes.

        Raises:
            VendorError: by what went wrong; `Truncated` for a stream that broke off.
            SecretError: the key is not there.
            TimedOut: the request's deadline has passed.
        """
        patience = min(self.timeout, self._left(request))
        await self._limits.enter(patience)
        try:
            async with SENDING.room(self.name, request.messages, patience):
                request, unseen = await self._fitted(request)
                headers, call = await self._prepared(request)
                renewed = begun = False
                while True:
                    body = self._optional.fit(request.model, call.body)
                    ask = replace(call, body=body, headers={**call.headers, **headers})
                    request.tell(ask.url, body)
                    try:
                        async with aclosing(
                            self._answered(ask, request.model, self._left(request), unseen)
                        ) as chunks:
                            async for chunk in chunks:
                                begun = True
                                yield chunk
                    except AuthFailed:
                        if renewed or begun or not self.renew():
                            raise
                        renewed = True
                        headers = await self._headers()
                    except RefusedRequest as exc:
                        if not self._optional.learn(request.model, body, exc.body):
                            raise exc.error from None
                    else:
                        return
        except AuthFailed:
            self.forget()
            raise
        finally:
            self._limits.leave()

    async def _prepared(self, request: ChatRequest) -> tuple[Mapping[str, str], Call]:
        """Show the key and send what has to be sent first, within the time that the answer has."""
        with anyio.move_on_after(self._left(request)) as time:
            headers = await self._headers()
            return headers, await self.asked(request, headers)
        assert time.cancelled_caught
        raise TimedOut(f"{self.name}: the time for this answer is up")

    async def _answered(self, call: Call, model: str, left: float, unseen: list[str]) -> Chunks:
        """Ask once. Raises like `chat`, and `RefusedRequest` where the request itself is refused."""
        answer = self.reader(
            model, hide=self._key or "", limit=self._answer_bytes, hold=self._holds.get(model, _HOLD)
        )
        total = min(self._total if call.streamed else self.timeout, left)
        async with aclosing(self._read(call, answer, total)) as chunks:
            async for chunk in chunks:
                yield chunk
        if answer.closed_unopened:
            self._holds[model] = -1
        elif answer.spoke:
            self._holds[model] = 0
        last = answer.end()
        if left_out := [*call.unsent, *self._optional.left_out(model)]:
            last.notes["unsent"] = left_out
        if unseen:
            last.notes["unseen"] = unseen
        yield last

    async def _read(self, call: Call, answer: AnswerReader, total: float) -> Chunks:
        ends = now() + total
        async with self.http.stream(
            "POST",
            call.url,
            json=call.body,
            headers=call.headers,
            first_byte=self.timeout,
            idle=self.timeout,
            total=total,
        ) as response:
            reading = Reading(self.name, response, timeout=self.timeout, ends=ends, limit=self._most)
            if not 200 <= response.status < 300:
                raise self._refusal(response.status, await reading.head(), response.headers)
            try:
                async with aclosing(read(reading, answer)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except VendorError as exc:
                exc.answered = True
                raise
            finally:
                # While we still listen: a vendor may take a broken connection for an end.
                if answer.running:
                    await self._stop(call, answer.running)

    async def _stop(self, call: Call, running: Mapping[str, str]) -> None:
        with anyio.move_on_after(_STOPPING, shield=True):
            try:
                await self.stop(call, running)
            except MindBotError as exc:
                _log.info("an answer that nobody reads goes on", provider=self.name, error=str(exc))

    async def _fitted(self, request: ChatRequest) -> tuple[ChatRequest, list[str]]:
        """Return a request with its model's settings and the bytes of its attachments, and what has to go."""
        model = self._models.get(request.model, self._default)
        name = request.model or model.name
        messages, unseen = await ready(
            request.messages,
            self.capabilities(name),
            addresses=self.fetches,
            types=self.media,
            pictures=self.picture_bytes,
        )
        fitted = replace(
            request,
            messages=messages,
            model=name,
            temperature=model.temperature if request.temperature is None else request.temperature,
            max_tokens=model.max_tokens if request.max_tokens is None else request.max_tokens,
            stream=request.stream and self._stream,
        )
        return fitted, unseen

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        form: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Make a call beside chats, within the same limits; return the JSON it is answered with.

        ``form`` is a form to send in place of a ``body``. Without ``headers`` the key is shown.

        Raises:
            VendorError: it was refused, or answered with something unreadable.
            SecretError: the key is not there.
        """
        await self._limits.enter(self.timeout)
        try:
            return await self.beside(
                method,
                url,
                body=body,
                form=form,
                headers=await self._headers() if headers is None else headers,
            )
        except AuthFailed:
            self.forget()
            raise
        finally:
            self._limits.leave()

    async def beside(
        self, method: str, url: str, *, body: Any = None, form: Any = None, headers: Mapping[str, str]
    ) -> Any:
        """Make a call that is part of another one, outside of the limits. Raises like `exchange`."""
        response = await self.http.request(
            method, url, json=body, data=form, headers=headers, timeout=self.timeout
        )
        hide = self._key or ""
        if not 200 <= response.status < 300:
            raise refusal(self.name, response.status, response.body, response.headers, hide=hide)
        if is_page(response.body):
            raise web_page(self.name)
        doc = response.json()
        if isinstance(doc, dict) and accuses(doc):
            raise refusal_in_stream(self.name, doc, hide=hide)
        return doc

    async def _headers(self) -> Mapping[str, str]:
        if self._key is None:
            found = self._find_key if isinstance(self._find_key, str) else await self._find_key()
            self._key = self.clean(found)
        return await self.auth(self._key) if self._key else {}

    def _left(self, request: ChatRequest) -> float:
        if not request.deadline:
            return float("inf")
        left = request.deadline - now()
        if left <= 0:
            raise TimedOut(f"{self.name}: the time for this answer is up")
        return left

    def _refusal(self, status: int, body: bytes, headers: Mapping[str, str]) -> Exception:
        error = refusal(self.name, status, body, headers, hide=self._key or "")
        return RefusedRequest(error, body) if isinstance(error, Rejected) and status in (400, 422) else error

"""Calls of Dify's Service API with the key of one app: addresses, the key, refusals.

Source: Dify Service API (`openapi_service.json`). The key decides the app, ``user`` whose conversations,
files and runs are meant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from mindbot.deadlines import now
from mindbot.domain.errors import TimedOut, VendorError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http, Response, StreamResponse
from mindbot.http.guard import endpoint
from mindbot.providers.errors import is_page, refusal, web_page
from mindbot.providers.shared.addresses import asking
from mindbot.providers.shared.answer import ANSWER_BYTES
from mindbot.providers.shared.reading import Reading
from mindbot.providers.shared.secrets import bare_key

#: Seconds for a call beside a run.
CALL = 30.0
#: Seconds of silence after which a stream counts as cut: servers send a ping every ten.
SILENCE = 45.0
_MOST = 16 * ANSWER_BYTES  # bytes that may come without the answer getting longer
_HASH = 16  # characters
_UNKNOWN = "check dify_endpoint, and whether the app is published"

#: What operators have copied as the address of an app.
_CALLS = re.compile(r"/(chat-messages|completion-messages|workflows(/[\w-]+)?/run|info|parameters)/?$")


def base_of(address: str) -> str:
    """Return the base URL of an API, from whatever of its addresses was configured."""
    path, mark, query = address.partition("?")
    return _CALLS.sub("", path.rstrip("/")).rstrip("/") + mark + query


class DifyClient:
    """See the module. ``name`` is the workflow's, for people. The key is looked up at the first call, and
    once more when it was refused: it may have been replaced meanwhile."""

    def __init__(
        self, name: str, address: str, key: SecretStr | None, *, http: Http, secrets: Secrets
    ) -> None:
        self.name = name
        self.base_url = base_of(address)
        self._http = http
        self._secrets = secrets
        self._secret = key
        self._key: str | None = None
        http.allow(self.base_url)

    @property
    def hide(self) -> str:
        """What may be shown nowhere."""
        return self._key or ""

    async def fingerprint(self) -> str:
        """Return what tells this app's key from others and does not give it away; raises SecretError."""
        return hashlib.sha256((await self._found()).encode()).hexdigest()[:_HASH]

    async def identity(self) -> str:
        """Return what tells this app from others, at whatever address; raises SecretError."""
        app = f"{self.base_url}\0{await self._found()}"
        return hashlib.sha256(app.encode()).hexdigest()[:_HASH]

    async def get(self, path: str, *, deadline: float = 0.0) -> Any:
        """Return the JSON that is found there. Raises like `send`."""
        return await self.send("GET", path, deadline=deadline)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        form: Callable[[], Any] | None = None,
        deadline: float = 0.0,
    ) -> Any:
        """Make a call and return the JSON it is answered with, None for an empty answer.

        ``form`` makes a form that is sent in place of a ``body``: it can be sent but once.

        Raises:
            VendorError: it was refused, or answered with something unreadable.
            SecretError: the key is not there.
            TimedOut: the deadline has passed.
        """
        response = await self.ask(method, path, body=body, form=form, deadline=deadline)
        if is_page(response.body):
            raise web_page(self.name)
        return response.json() if response.body.strip() else None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        form: Callable[[], Any] | None = None,
        query: Mapping[str, str] | None = None,
        deadline: float = 0.0,
    ) -> Response:
        """Make a call and return what it is answered with, where that is no refusal. Raises like `send`."""
        url = asking(endpoint(self.base_url, path), **(query or {}))
        shown = await self._found()
        while True:
            response = await self._http.request(
                method,
                url,
                json=body,
                data=form() if form else None,
                headers=_bearer(shown),
                timeout=min(CALL, self.left(deadline)),
            )
            if 200 <= response.status < 300:
                return response
            error = self.refused(response.status, response.body, response.headers)
            if response.status != 401 or not (other := await self._another(shown)):
                raise error
            shown = other

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        deadline: float,
    ) -> AsyncIterator[DifyStream]:
        """Open a stream of events, whatever status it is answered with.

        Raises:
            NetworkFailed: no answer; ``sent`` says whether the request may have arrived.
            TimedOut, SecretError: as `send`.
        """
        url = asking(endpoint(self.base_url, path), **(query or {}))
        shown = await self._found()
        while True:
            left = self.left(deadline)
            async with self._http.stream(
                method, url, json=body, headers=_bearer(shown), first_byte=left, idle=SILENCE, total=left
            ) as response:
                stream = DifyStream(self, response, deadline)
                if response.status != 401 or not (other := await self._another(shown)):
                    yield stream
                    return
                shown = other

    def refused(self, status: int, body: bytes, headers: Mapping[str, str]) -> VendorError:
        """Return the error for an answer other than 2xx."""
        error = refusal(self.name, status, body, headers, hide=self.hide)
        if status == 404:
            error.hint = _UNKNOWN
        return error

    def left(self, deadline: float) -> float:
        """Return the seconds until a deadline (0: none); raises TimedOut."""
        left = deadline - now() if deadline else CALL
        if left <= 0:
            raise TimedOut(f"{self.name}: the time for this run is up")
        return left

    async def _found(self) -> str:
        if self._key is None:
            self._key = bare_key(await self._secrets.aget(self._secret)) if self._secret else ""
        return self._key

    async def _another(self, refused: str) -> str:
        """Look the key up again; empty where it is the one that was refused."""
        if self._key == refused:
            self._key = None
        found = await self._found()
        return "" if found == refused else found


class DifyStream:
    """The answer to a call that is a stream. ``run`` is the id of the workflow's run, if a header has it."""

    def __init__(self, client: DifyClient, response: StreamResponse, deadline: float) -> None:
        self.status = response.status
        self.run = response.headers.get("X-Workflow-Run-ID", "")
        self.gateway = False  # whether a refusal is the word of something in between, not Dify's
        self._headers = response.headers
        self._client = client
        self.reading = Reading(client.name, response, timeout=SILENCE, ends=deadline, limit=_MOST)

    async def refused(self) -> VendorError:
        """Read a refusal."""
        body = await self.reading.head()
        self.gateway = self.status >= 500 and not (b'"code"' in body and b'"status"' in body)
        return self._client.refused(self.status, body, self._headers)


def part(id_: str) -> str:
    """Return an id as a part of a path."""
    return quote(id_, safe="")


def _bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}

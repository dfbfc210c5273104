"""Calls of Coze's API for one workflow: addresses, the token, refusals that come with HTTP 200.

Sources: coze.cn "Chat v3", "Error codes"; cozepy 0.20.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from mindbot.deadlines import now
from mindbot.domain.chat import Attachment
from mindbot.domain.errors import AuthFailed, Rejected, TimedOut
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.providers.errors import accuses, is_page, refusal, refusal_in_stream, web_page
from mindbot.providers.shared.addresses import asking
from mindbot.providers.shared.answer import ANSWER_BYTES
from mindbot.providers.shared.attachments import with_bytes
from mindbot.providers.shared.coze_tokens import CozeTokens, root_of, told
from mindbot.providers.shared.reading import Reading
from mindbot.providers.shared.uploads import multipart

#: Seconds for a call beside a run.
CALL = 30.0
_MOST = 16 * ANSWER_BYTES  # bytes that may come without the answer getting longer
_HASH = 16  # characters


class CozeClient:
    """See the module. ``name`` is the workflow's, for people. With ``app_id`` and ``key_id`` the key is the
    private key of that OAuth app. It is looked up at the first call, and again after a refusal."""

    def __init__(
        self,
        name: str,
        base_url: str,
        key: SecretStr | None,
        *,
        app_id: str,
        key_id: str,
        http: Http,
        secrets: Secrets,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.root = root_of(base_url)
        self._http = http
        self._secrets = secrets
        self._secret = key
        self._key: str | None = None
        self._tokens = CozeTokens(name, self.root, self._post, app=app_id, fingerprint=key_id, clock=clock)
        http.allow(self.root)

    @property
    def hide(self) -> str:
        """What may be shown nowhere."""
        return self._key or ""

    async def fingerprint(self) -> str:
        """Return what tells this key from others and does not give it away; raises SecretError."""
        return hashlib.sha256((await self._found()).encode()).hexdigest()[:_HASH]

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        file: Attachment | None = None,
        query: Mapping[str, str] | None = None,
        deadline: float = 0.0,
    ) -> Json:
        """Make a call and return what it is answered with; ``file`` is sent as a form.

        Raises:
            VendorError: it was refused, or answered with something unreadable.
            SecretError: the key is not there.
            TimedOut: the deadline has passed.
        """
        url = asking(self.root + path, **(query or {}))
        try:
            return await self._asked(method, url, body, file, deadline)
        except AuthFailed:
            if not await self.renew():
                raise
            return await self._asked(method, url, body, file, deadline)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        body: Json,
        *,
        deadline: float,
        silence: float = 0.0,
        query: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Reading]:
        """Open a stream of events. ``silence``: seconds without a line after which it counts as cut; 0: all.

        Raises:
            NetworkFailed: no answer; ``sent`` says whether the request may have arrived.
            VendorError: it was refused with a status.
            TimedOut, SecretError: as `send`.
        """
        left = self.left(deadline)
        idle = min(silence or left, left)
        async with self._http.stream(
            "POST",
            asking(self.root + path, **(query or {})),
            json=body,
            headers=await self._headers(),
            first_byte=left,
            idle=idle,
            total=left,
        ) as response:
            reading = Reading(self.name, response, timeout=idle, ends=deadline, limit=_MOST)
            if not 200 <= response.status < 300:
                said = await reading.head()
                raise refusal(self.name, response.status, said, response.headers, hide=self.hide)
            yield reading

    async def upload(self, file: Attachment, deadline: float) -> str:
        """Send a file and return its id.

        Raises:
            Rejected: it cannot be read, or Coze does not take it.
            VendorError: as any call.
        """
        ready = await with_bytes(file)
        if isinstance(ready, str):
            raise Rejected(f"{self.name}: the {file.kind} {file.name}: {ready}", code="attachment")
        doc = await self.send("POST", "/v1/files/upload", file=ready, deadline=deadline)
        return told(self.name, doc.get("data"), "id")

    async def renew(self) -> bool:
        """Look the key up again and drop what it was exchanged for; false where nothing is different."""
        before, self._key = self._key, None
        self._tokens.forget()
        return self._tokens.exchanges or await self._found() != before

    def left(self, deadline: float) -> float:
        """Return the seconds until a deadline (0: none); raises TimedOut."""
        left = deadline - now() if deadline else CALL
        if left <= 0:
            raise TimedOut(f"{self.name}: the time for this run is up")
        return left

    async def _asked(
        self, method: str, url: str, body: Any, file: Attachment | None, deadline: float
    ) -> Json:
        form = None if file is None else multipart({}, file)
        timeout = min(CALL, self.left(deadline))
        return await self._call(method, url, body, form, await self._headers(), timeout)

    async def _call(
        self, method: str, url: str, body: Any, form: Any, headers: Mapping[str, str], timeout: float
    ) -> Json:
        response = await self._http.request(
            method, url, json=body, data=form, headers=headers, timeout=timeout
        )
        if not 200 <= response.status < 300:
            raise refusal(self.name, response.status, response.body, response.headers, hide=self.hide)
        if is_page(response.body):
            raise web_page(self.name)
        doc = response.json()
        if not isinstance(doc, dict):
            raise Rejected(f"{self.name}: answered with something that is not an object", code="garbage")
        if accuses(doc):
            raise refusal_in_stream(self.name, doc, hide=self.hide)
        return doc

    async def _post(self, url: str, body: Json, headers: Mapping[str, str]) -> Any:
        return await self._call("POST", url, body, None, headers, CALL)

    async def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {await self._tokens.shown(await self._found())}"}

    async def _found(self) -> str:
        if self._key is None:
            self._key = self._tokens.clean(await self._secrets.aget(self._secret)) if self._secret else ""
        return self._key

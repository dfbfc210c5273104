"""Calls to WeCom's API with one app's access token.

Sources: WeCom developer centre, "Obtain access_token" (path/91039), "Upload temporary media" (path/90253),
"Get temporary media" (path/90254), "Call frequency" (path/90312).
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from mindbot.domain import fields, plain
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    NotAFile,
    Overloaded,
    RateLimited,
    SecretError,
    VendorError,
)
from mindbot.domain.host import File, Media, Secrets
from mindbot.domain.message import Json
from mindbot.domain.names import file_name
from mindbot.domain.ports.http import Http
from mindbot.domain.shared import Shared
from mindbot.platforms.pace import Gate, Quota
from mindbot.platforms.tokens import AppTokens, Held, Lent
from mindbot.platforms.wecom_shared import errors
from mindbot.platforms.wecom_shared.token import fetch_token

_TIMEOUT = 10.0  # seconds for one call
_UPLOAD = 25.0  # the same for one that carries a file


_HOURS_WORTH = 15  # minutes' worth of calls that an hour allows: 150,000 to 10,000


class Api:
    """One app of one enterprise: its calls, within what WeCom allows the enterprise for each API."""

    def __init__(
        self,
        base_url: str,
        corpid: str,
        secret: SecretStr,
        http: Http,
        secrets: Secrets,
        *,
        shared: Shared | None = None,
        per_minute: int = 10_000,
    ) -> None:
        """Touches neither network nor secrets. ``base_url`` is scheme and host; ``shared`` holds the tokens
        and limits of all bots; ``per_minute`` are the calls of one API that the enterprise may make."""
        self.base_url = base_url.rstrip("/")
        self._corpid = corpid
        self._secret = secret
        self._http = http
        self._secrets = secrets
        self._shared = shared or Shared()
        self._per_minute = per_minute
        self._gates: dict[str, Gate] = {}
        base = self.base_url

        async def fetch(secret: str) -> Lent:
            return await fetch_token(http, base, corpid, secret, timeout=_TIMEOUT)

        self._tokens = AppTokens(self._shared, ("wecom", base, corpid), self._read_secret, fetch)
        http.allow(base)

    def renew(self) -> None:
        """Read the secret anew and have the credentials proved before the next call."""
        self._tokens.renew()

    async def token(self) -> str:
        """Return a valid access token; raises VendorError."""
        return await self._tokens.get()

    def held(self, error: MindBotError) -> Held | None:
        """Return how old a refusal of a token is, and for how long nobody asks again."""
        return self._tokens.held(error)

    async def post(self, call: str, body: Json, *, limit: str = "") -> Json:
        """Post to ``/cgi-bin/CALL``; a token that is not accepted is replaced once. Raises VendorError.

        ``limit`` names the limits it counts to, where a call has several; by default its own.
        """
        return await self._twice("POST", call, {}, json=body, limit=limit)

    async def get(self, call: str, **params: str) -> Json:
        """Get ``/cgi-bin/CALL``; raises VendorError."""
        return await self._twice("GET", call, params)

    async def upload(self, kind: str, name: str, content: bytes) -> str:
        """Upload a file for three days; returns its media id. ``kind`` is image, voice, video or file.

        Raises:
            VendorError: it was refused, for its size or format mostly.
        """
        from aiohttp import FormData

        def form() -> FormData:
            # The name as it is, in UTF-8: members see it, and an encoded one would be shown encoded.
            data = FormData(quote_fields=False)
            data.add_field(
                "media", content, filename=file_name(name, "file"), content_type="application/octet-stream"
            )
            return data

        answer = await self._twice("POST", "media/upload", {"type": kind}, form=form)
        if id := fields.text(answer.get("media_id")):
            return id
        raise Overloaded("media/upload: the answer holds no media_id")

    async def download(self, media: Media, media_id: str, name: str = "") -> File:
        """Fetch what somebody sent into the media store; raises VendorError, Invalid, StoreError."""
        gate = self._gate("media/get")
        for last in (False, True):
            token = await self._tokens.get()
            params = {"access_token": token, "media_id": media_id}
            try:
                async with gate.passing():
                    return await media.fetch(f"{self.base_url}/cgi-bin/media/get", params=params, name=name)
            except NotAFile as refusal:
                error = _refusal(refusal)
                _slow_down(gate, error)
                if last or error.code not in {str(code) for code in errors.STALE_TOKEN}:
                    raise error from refusal
                self._tokens.drop(token)
        raise AssertionError("unreachable")

    async def _twice(
        self,
        method: str,
        call: str,
        params: dict[str, str],
        *,
        json: Any = None,
        form: Any = None,
        limit: str = "",
    ) -> Json:
        gate = self._gate(limit or call)
        token = await self._tokens.get()
        async with gate.passing():
            answer = await self._once(method, call, params, token, json, form)
        if errors.code_of(answer) in errors.STALE_TOKEN:
            self._tokens.drop(token)
            token = await self._tokens.get()
            async with gate.passing():
                answer = await self._once(method, call, params, token, json, form)
        if code := errors.code_of(answer):
            error = errors.error_for(code, fields.text(answer.get("errmsg")), call)
            _slow_down(gate, error)
            raise error
        gate.well()
        return answer

    def _gate(self, call: str) -> Gate:
        """Return the limits of one API, which all apps of the enterprise share."""
        gate = self._gates.get(call)
        if gate is None:
            n = self._per_minute

            def make() -> Gate:
                return Gate(Quota(n, 60.0), Quota(n * _HOURS_WORTH, 3600.0))

            gate = self._shared.of(("wecom calls", self.base_url, self._corpid, call, str(n)), make)
            self._gates[call] = gate
        return gate

    async def _once(
        self, method: str, call: str, params: dict[str, str], token: str, json: Any, form: Any
    ) -> Json:
        response = await self._http.request(
            method,
            f"{self.base_url}/cgi-bin/{call}",
            params={"access_token": token, **params},
            json=json,
            data=form() if form else None,
            timeout=_UPLOAD if form else _TIMEOUT,
        )
        return errors.answer_of(response, call)

    async def _read_secret(self) -> str:
        try:
            return await self._secrets.aget(self._secret)
        except SecretError as error:
            raise AuthFailed(f"the app secret is not there: {error.message}", hint=error.hint) from error


def _slow_down(gate: Gate, error: VendorError) -> None:
    """Do at an API's gate what a refusal asks for; other APIs are not concerned."""
    if isinstance(error, RateLimited):
        if error.code == errors.TOO_MANY_AT_ONCE:
            gate.fewer()  # this call is made again later, the others go on
        else:
            gate.hold(error.retry_after)


def _refusal(refusal: NotAFile) -> VendorError:
    """Return what a download's JSON answer says."""
    try:
        answer = plain.loads(refusal.body)
        return errors.error_for(errors.code_of(answer), fields.text(answer.get("errmsg")), "media/get")
    except ValueError:
        return refusal

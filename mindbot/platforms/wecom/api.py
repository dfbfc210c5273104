"""Calls to WeCom's API with one app's access token.

Sources: WeCom developer centre, "Obtain access_token" (path/91039), "Upload temporary media" (path/90253),
"Get temporary media" (path/90254).
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from mindbot.domain.errors import AuthFailed, NotAFile, SecretError, VendorError
from mindbot.domain.host import File, Media, Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports import Http, Response
from mindbot.platforms.tokens import Lent, TokenCache
from mindbot.platforms.wecom import errors
from mindbot.platforms.wecom.token import fetch_token

_TIMEOUT = 10.0  # seconds for one call


class Api:
    """One app of one enterprise."""

    def __init__(self, base_url: str, corpid: str, secret: SecretStr, http: Http, secrets: Secrets) -> None:
        """Touches neither network nor secrets. ``base_url`` is scheme and host."""
        self.base_url = base_url.rstrip("/")
        self._corpid = corpid
        self._secret = secret
        self._http = http
        self._secrets = secrets
        self._tokens = TokenCache(self._fetch)
        http.allow(self.base_url)

    def renew(self) -> None:
        """Forget the token and what is known of the credentials."""
        self._tokens = TokenCache(self._fetch)

    async def token(self) -> str:
        """Return a valid access token; raises VendorError."""
        return await self._tokens.get()

    async def post(self, call: str, body: Json) -> Json:
        """Post to ``/cgi-bin/CALL``; a token that is not accepted is replaced once. Raises VendorError."""
        return await self._twice("POST", call, {}, json=body)

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
            data = FormData()
            data.add_field("media", content, filename=name, content_type="application/octet-stream")
            return data

        answer = await self._twice("POST", "media/upload", {"type": kind}, form=form)
        return str(answer["media_id"])

    async def download(self, media: Media, media_id: str, name: str = "") -> File:
        """Fetch what somebody sent into the media store; raises VendorError, Invalid, StoreError."""
        for last in (False, True):
            token = await self._tokens.get()
            params = {"access_token": token, "media_id": media_id}
            try:
                return await media.fetch(f"{self.base_url}/cgi-bin/media/get", params=params, name=name)
            except NotAFile as refusal:
                error = _refusal(refusal)
                if last or error.code not in {str(code) for code in errors.STALE_TOKEN}:
                    raise error from refusal
                self._tokens.drop(token)
        raise AssertionError("unreachable")

    async def _twice(
        self, method: str, call: str, params: dict[str, str], *, json: Any = None, form: Any = None
    ) -> Json:
        token = await self._tokens.get()
        answer = await self._once(method, call, params, token, json, form)
        if errors.code_of(answer) in errors.STALE_TOKEN:
            self._tokens.drop(token)
            answer = await self._once(method, call, params, await self._tokens.get(), json, form)
        if code := errors.code_of(answer):
            raise errors.error_for(code, str(answer.get("errmsg", "")), call)
        return answer

    async def _once(
        self, method: str, call: str, params: dict[str, str], token: str, json: Any, form: Any
    ) -> Json:
        response = await self._http.request(
            method,
            f"{self.base_url}/cgi-bin/{call}",
            params={"access_token": token, **params},
            json=json,
            data=form() if form else None,
            timeout=_TIMEOUT,
        )
        return _answer(response, call)

    async def _fetch(self) -> Lent:
        try:
            secret = await self._secrets.aget(self._secret)
        except SecretError as error:
            raise AuthFailed(f"the app secret is not there: {error.message}", hint=error.hint) from error
        return await fetch_token(self._http, self.base_url, self._corpid, secret, timeout=_TIMEOUT)


def _answer(response: Response, call: str) -> Json:
    if response.status != 200:
        raise errors.http_error(response, call)
    try:
        answer: Json = response.json()
        errors.code_of(answer)
    except (VendorError, ValueError) as error:
        raise errors.unreadable(call) from error
    return answer


def _refusal(refusal: NotAFile) -> VendorError:
    """Return what a download's JSON answer says."""
    import json

    try:
        answer = json.loads(refusal.body)
        return errors.error_for(errors.code_of(answer), str(answer.get("errmsg", "")), "media/get")
    except (ValueError, TypeError):
        return refusal

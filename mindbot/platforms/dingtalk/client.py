"""Calls to DingTalk's new and old APIs with one access token, paced.

Sources: "Obtain the access token of an internal app", "Call frequency limit" (open.dingtalk.com/document).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mindbot.domain import fields
from mindbot.domain.errors import AuthFailed, MindBotError, Overloaded, RateLimited, SecretError, VendorError
from mindbot.domain.host import Host
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Response
from mindbot.platforms.dingtalk import errors
from mindbot.platforms.pace import Pace
from mindbot.platforms.tokens import AppTokens, Held, Lent, lent

if TYPE_CHECKING:
    from mindbot.platforms.dingtalk.settings import DingTalkSettings

_TIMEOUT = 10.0  # seconds for one call
_UPLOAD_TIMEOUT = 25.0  # of up to 20 MB; the outbox waits thirty


class DingTalkClient:
    """One app. ``qps`` are the calls a second that it may make to one API."""

    def __init__(self, settings: DingTalkSettings, host: Host) -> None:
        self._settings = settings
        self._http = host.http
        self._secrets = host.secrets
        self.api = settings.api_base_url.rstrip("/")
        self.oapi = settings.oapi_base_url.rstrip("/")
        self.robot_code = settings.robot_code or settings.client_id
        app = ("dingtalk", self.api, settings.client_id)
        self._tokens = AppTokens(host.shared, app, self.secret, self._fetch)
        qps = settings.calls_per_second

        def pace(path: str) -> Pace:
            # Evenly, and below the limit: calls that a busy moment pushes together fit into any one second.
            key = ("dingtalk calls", self.api, settings.client_id, path, f"{qps:g}")
            return host.shared.of(key, lambda: Pace(qps * 0.75, burst=1))

        self._new_pace = pace
        self._paces: dict[str, Pace] = {}
        host.http.allow(self.api)
        host.http.allow(self.oapi)

    def pace(self, path: str) -> Pace:
        """Return the bucket of one API, which all bots of the app share."""
        if path not in self._paces:
            self._paces[path] = self._new_pace(path)
        return self._paces[path]

    def renew(self) -> None:
        """Read the secret anew and have the credentials proved before the next call."""
        self._tokens.renew()

    async def token(self) -> str:
        """Return a valid access token; raises VendorError."""
        return await self._tokens.get()

    def held(self, error: MindBotError) -> Held | None:
        """Return how old a refusal of a token is, and for how long nobody asks again."""
        return self._tokens.held(error)

    async def secret(self) -> str:
        """Return the app's secret.

        Raises:
            AuthFailed: it is not there.
        """
        try:
            return await self._secrets.aget(self._settings.client_secret)
        except SecretError as error:
            raise AuthFailed(f"the client secret is not there: {error.message}", hint=error.hint) from error

    async def open(self, topics: list[str]) -> tuple[str, str]:
        """Ask the gateway for an endpoint and a ticket for one connection; raises VendorError."""
        body = {
            "clientId": self._settings.client_id,
            "clientSecret": await self.secret(),
            "subscriptions": [{"type": "CALLBACK", "topic": topic} for topic in topics],
            "ua": "mindbot/1",
        }
        # Without Accept the gateway may answer XML.
        headers = {"Accept": "application/json"}
        url = f"{self.api}/v1.0/gateway/connections/open"
        answer = _checked(
            await self._http.request("POST", url, json=body, headers=headers, timeout=_TIMEOUT), "open"
        )
        endpoint, ticket = fields.text(answer.get("endpoint")), fields.text(answer.get("ticket"))
        if not endpoint or not ticket:
            raise Overloaded("open: the answer holds no endpoint and ticket")
        return endpoint, ticket

    async def call(self, method: str, path: str, body: Json, *, patient: bool = True) -> Json:
        """Call the new API. ``patient`` waits for its turn where calls are limited.

        Raises:
            VendorError: see `mindbot.platforms.dingtalk.errors`. A throttled call holds up all to this API.
        """
        return await self._paced(
            path, patient, method, f"{self.api}{path}", path.removeprefix("/v1.0/"), json=body
        )

    async def call_old(self, path: str, body: Json) -> Json:
        """Call the old API; raises VendorError."""
        return await self._paced(
            path, True, "POST", f"{self.oapi}{path}", path.strip("/"), json=body, old=True
        )

    async def upload(self, kind: str, name: str, content: bytes) -> str:
        """Upload a file; returns its media id. Source: "Upload media files" (/document/development)."""
        from aiohttp import FormData

        def form() -> FormData:
            data = FormData()
            data.add_field("type", kind)
            data.add_field("media", content, filename=name, content_type="application/octet-stream")
            return data

        path = "/media/upload"
        answer = await self._paced(
            path,
            True,
            "POST",
            f"{self.oapi}{path}",
            "media/upload",
            form=form,
            old=True,
            timeout=_UPLOAD_TIMEOUT,
        )
        if id := fields.text(answer.get("media_id")):
            return id
        raise Overloaded("media/upload: the answer holds no media_id")

    async def webhook(self, url: str, body: Json) -> Json:
        """Post to a session webhook, which needs no token; raises VendorError."""
        return _checked(await self._http.request("POST", url, json=body, timeout=_TIMEOUT), "sendBySession")

    async def _paced(self, path: str, patient: bool, method: str, url: str, call: str, **more: Any) -> Json:
        """Make a call in its turn; one that was too many holds up all to its API."""
        if patient:
            await self.pace(path).turn()
        try:
            return await self._twice(method, url, call, **more)
        except RateLimited as error:
            self.pace(path).hold(error.retry_after)
            raise

    async def _twice(
        self,
        method: str,
        url: str,
        call: str,
        *,
        json: Any = None,
        form: Any = None,
        old: bool = False,
        timeout: float = _TIMEOUT,
    ) -> Json:
        """Make a call; a token that is not accepted is replaced once."""
        for last in (False, True):
            token = await self._tokens.get()
            response = await self._http.request(
                method,
                url,
                params={"access_token": token} if old else None,
                headers=None if old else {"x-acs-dingtalk-access-token": token},
                json=json,
                data=form() if form else None,
                timeout=timeout,
            )
            try:
                return _checked(response, call)
            except VendorError as error:
                if last or error.code not in errors.STALE_TOKEN:
                    raise
                self._tokens.drop(token)
        raise AssertionError("unreachable")

    async def _fetch(self, secret: str) -> Lent:
        body = {"appKey": self._settings.client_id, "appSecret": secret}
        url = f"{self.api}/v1.0/oauth2/accessToken"
        answer = _checked(await self._http.request("POST", url, json=body, timeout=_TIMEOUT), "accessToken")
        return lent(answer.get("accessToken"), answer.get("expireIn"), "accessToken")


def _checked(response: Response, call: str) -> Json:
    error: MindBotError | None = errors.error_of(response, call)
    if error is not None:
        raise error
    answer: Json = response.json()
    return answer

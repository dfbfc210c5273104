"""Callbacks of applications and of customer service: XML for the enterprise's own corp id.

Source: WeCom developer centre, "Callback configuration" (path/90930).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.platforms.wecom_shared.crypto import OF_AI_BOT, Crypto
from mindbot.platforms.wecom_shared.endpoint import MAX_BODY, CallbackForm, Endpoint
from mindbot.platforms.wecom_shared.refusals import OfAnother
from mindbot.platforms.wecom_shared.xml import parse_xml

if TYPE_CHECKING:
    from mindbot.platforms.wecom_shared.settings import CallbackSettings


def application_endpoint(
    settings: CallbackSettings,
    secrets: Secrets,
    failed: Callable[[str], None],
    *,
    bot: str,
    clock: Callable[[], float],
    log: Any,
    ack_within: float = 4.5,
    max_body: int = MAX_BODY,
) -> Endpoint:
    """Return the endpoint of one application; see `Endpoint`."""

    async def read() -> Crypto:
        token = await secrets.aget(settings.token)
        key = await secrets.aget(settings.encoding_aes_key)
        return Crypto(token, key, settings.corpid)

    return Endpoint(
        CallbackForm(_envelope, "Encrypt", (b"<",)),
        read,
        failed,
        bot=bot,
        clock=clock,
        window=settings.timestamp_window,
        log=log,
        ack_within=ack_within,
        max_body=max_body,
    )


def _envelope(body: bytes) -> Json:
    if body.lstrip()[:1] == b"{" and b'"encrypt"' in body:
        raise OfAnother("an AI bot's JSON, where an application's XML belongs", hint=OF_AI_BOT)
    return parse_xml(body, mend=False)

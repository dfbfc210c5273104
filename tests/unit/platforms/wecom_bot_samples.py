"""A bot in webhook mode without a network, and requests to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from wecom_vectors import BY_NAME

from mindbot.domain.host import Host
from mindbot.domain.ports.platform import WebhookRequest
from mindbot.http.client import HttpClient
from mindbot.platforms.wecom_shared.crypto import Crypto
from mindbot.platforms.wecombot.settings import WeComBotSettings
from mindbot.platforms.wecombot.webhook import WebhookBot
from mindbot.testing.platforms import Inbox, a_host

V4 = BY_NAME["V4"]
NOW = float(V4.timestamp)


def a_bot(folder: Path, *, ack_within: float = 4.5, secrets: Any = None, **changed: Any) -> WebhookBot:
    settings = WeComBotSettings(token=SecretStr(V4.token), encoding_aes_key=SecretStr(V4.key), **changed)
    host = a_host(HttpClient(), Inbox(), folder)
    if secrets is not None:
        host = Host(host.http, secrets, host.keep, host.media, host.stop, host.told, host.answer)
    return WebhookBot(settings, "hr", host, clock=lambda: NOW, ack_within=ack_within)


def query(vector: Any, **more: str) -> dict[str, str]:
    return {
        "msg_signature": vector.signature, "timestamp": vector.timestamp, "nonce": vector.nonce, **more,
    }  # fmt: skip


def a_callback() -> WebhookRequest:
    return WebhookRequest("POST", "/", query(V4), json.dumps({"encrypt": V4.encrypted}).encode())


def signed(plain: bytes, *, at: float = NOW, receiver: str = "", nonce: str = "n") -> WebhookRequest:
    crypto = Crypto(V4.token, V4.key, receiver)
    encrypted = crypto.encrypt(plain)
    signature = crypto.sign(str(int(at)), nonce, encrypted)
    params = {"msg_signature": signature, "timestamp": str(int(at)), "nonce": nonce}
    return WebhookRequest("POST", "/", params, json.dumps({"encrypt": encrypted}).encode())

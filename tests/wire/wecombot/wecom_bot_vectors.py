"""Vectors of the bot's wire on which three independent implementations agree, one of them the Node SDK."""

from __future__ import annotations

from typing import NamedTuple


class Vector(NamedTuple):
    token: str
    key: str
    timestamp: str
    nonce: str
    signature: str
    plain: str
    encrypted: str


class FileVector(NamedTuple):
    key: str
    cipher: str
    plain: bytes


#: A callback with an empty receive id.
V4 = Vector(
    token="BotToken_99",
    key="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefA",
    timestamp="1700000004",
    nonce="1234567890",
    signature="4ecde0ee90b844ed7ff8e91193492ad2cf9ac3c3",
    plain='{"msgid":"MSGID1","aibotid":"AIBOT1","chattype":"single","from":{"userid":"zhangsan"},'
    '"msgtype":"text","text":{"content":"你好"}}',
    encrypted="Y9DtJGwt9DwLbZ51wjSaSLC+pXDPZBPXqqCFcMLwPXX2njDsK1VFT5OHhhungQJtDZlgD3lqsNkBsNt/arR291BCZpgenUs1j1E"
    "WEatQFrRa7m16KifzvF5hMU6vQmT0QPH/+sKHBH2KFUyWKdY90ix72ow+KXolhEjzW3hvGuHs2xdzscXvpXhYs5arN1jf3+ZIZFfI4I12Te9"
    "FfW72NA==",
)

#: A file as users send it: key 00 … 1f.
M1 = FileVector(
    key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    cipher="Et/xoZxZznIzSr3qjkv6c/Z8qf4SHPWqPfweXtmc6zE=",
    plain=b"hello wecom media",
)

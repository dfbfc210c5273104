"""What Stream mode is made of: rules, connections, pushes, and frames that no client expects.

Source: "协议描述" (Stream protocol), open-dingtalk.github.io/developerpedia/docs/learn/stream/protocol.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from mindbot.domain.message import Json

#: What a client must live through: no JSON, no object, no frame, unknown kinds, data that is no JSON, bytes,
#: halves of surrogate pairs, nesting without end.
HOSTILE: tuple[str | bytes, ...] = (
    "no json",
    "[]",
    "{}",
    b"\x00\xff\xfe",
    "[" * 50_000,
    '{"type":"WHAT","headers":{"topic":"x","messageId":"x"},"data":"{}"}',
    '{"type":"SYSTEM","headers":{"topic":"KEEPALIVE","messageId":"x"}}',
    '{"type":"SYSTEM","headers":{"topic":"ping","messageId":"x"},"data":"{"}',
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"x"},"data":"{"}',
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"x"},"data":"{}"}',
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get"},"data":{"msgId":7}}',
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/card/instances/callback","messageId":"x"},"data":"{}"}',
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/card/instances/callback","messageId":"x"},'
    '"data":"{\\"outTrackId\\":\\"x\\",\\"content\\":\\"{\\"}"}',
    '{"type":"EVENT","headers":{"topic":"*","messageId":"x"},"data":"{}"}',
    '{"type":"SYSTEM","headers":{"topic":"ping","messageId":"x"},"data":"' + "[" * 50_000 + '"}',
    '{"type":"SYSTEM","headers":{"topic":"ping","messageId":"x"},"data":"{\\"opaque\\":\\"\\ud83d\\"}"}',
    '{"type":"SYSTEM","headers":{"topic":"ping","messageId":"\\ud83d"},"data":"{}"}',
    '{"type":"EVENT","headers":{"topic":"*","messageId":"\\ud83d"},"data":"{}"}',
    '{"type":"EVENT","headers":{"topic":"*","messageId":' + "[" * 300 + "]" * 300 + '},"data":"{}"}',
    '{"type":"CALLBACK","headers":{"topic":"\\ud83d","messageId":"x"},"data":' + "[" * 300 + "]" * 300 + "}",
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"x"},'
    '"data":"{\\"x\\":\\"\\\\ud83d\\",\\"y\\":' + "[" * 960 + "]" * 960 + '}"}',
)

MESSAGES = "/v1.0/im/bot/messages/get"
CARDS = "/v1.0/card/instances/callback"


@dataclass(frozen=True, slots=True)
class StreamRules:
    """``repush`` seconds without an ack bring a robot message again, ``attempts`` times in all.

    ``ping`` is seconds between SYSTEM pings, ``pong`` within how many one must be answered with its opaque
    text (0: a connection is not judged by that), ``grace`` from the disconnect frame to the close, ``ticket``
    how long a ticket is good for. ``warm_up`` begins a connection with CONNECTED and REGISTERED frames;
    ``nacks`` takes an answer with another code than 200 for a receipt as well: no page says either.
    """

    repush: float = 60.0
    attempts: int = 4
    ping: float = 20.0
    grace: float = 10.0
    ticket: float = 90.0
    pong: float = 0.0
    warm_up: bool = True
    nacks: bool = False


@dataclass(slots=True)
class StreamPush:
    """What became of one push. ``answer`` is the ``data`` of the ack."""

    msgid: str
    acked: bool = False
    attempts: int = 0
    took: float = 0.0
    answer: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


class StreamConnection:
    """One WebSocket of an app. ``mute``: it stays open and nothing goes through any more.

    One without a ``ws`` is a stranger's: it takes pushes and never acknowledges.
    """

    def __init__(
        self, client: str, topics: frozenset[str], ws: web.WebSocketResponse | None, abort: Callable[[], None]
    ) -> None:
        self.id = secrets.token_hex(6)
        self.client = client
        self.topics = topics
        self.ws = ws
        self.abort = abort
        self.since = time.time()
        self.going = False  # told to disconnect: gets no more pushes
        self.mute = False

    @property
    def closed(self) -> bool:
        return self.ws is not None and self.ws.closed

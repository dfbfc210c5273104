"""Connections to vendors, kept for the next call."""

from __future__ import annotations

from typing import Any

import aiohttp


class Connector(aiohttp.TCPConnector):
    """Takes the connection used last for the next call, so that those of a burst get idle and are closed.

    aiohttp takes the one idle for longest: under steady traffic each is used again and again before its
    time is over, and a burst's connections stay open for as long as the traffic does.
    """

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        idle = self._conns.get(key)
        if idle and idle[-1][0] is protocol:
            idle.rotate(1)  # the head is taken next

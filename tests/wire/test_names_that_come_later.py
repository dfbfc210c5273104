"""A daemon that starts before the network is up: vendors' names are unknown, and asked for again."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.testing.processes import free_port
from mindbot.testing.waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.full]


class Names:
    """Look-ups of a process. ``vendor.test`` is loopback once it is ``known``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        self.known, self.asked, self._look_up, self._code = False, 0, socket.getaddrinfo, code
        monkeypatch.setattr(socket, "getaddrinfo", self._found)

    def _found(self, host: Any, *more: Any, **rest: Any) -> Any:
        if host not in ("vendor.test", b"vendor.test"):
            return self._look_up(host, *more, **rest)
        self.asked += 1
        if not self.known:
            raise socket.gaierror(self._code, "not known just now")
        return self._look_up("127.0.0.1", *more, **rest)


@pytest.mark.full
@pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_NONAME])
@pytest.mark.parametrize("platform", ["dingtalk", "wecom", "wecomcs", "wecombot"])
async def test_a_vendor_whose_name_comes_later_is_asked_again(
    platform: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch, code)
    with anyio.fail_after(2 * PATIENCE):
        async with simulated(platform, strict=True) as sim:
            section = {
                key: value.replace("127.0.0.1", "vendor.test") if "url" in key else value
                for key, value in sim.details().items()
                if key != "base_url"
            }
            if platform in ("wecom", "wecomcs"):
                section |= {"host": "127.0.0.1", "port": free_port()}
            if platform == "wecombot":
                section = {k: section[k] for k in ("bot_id", "secret", "ws_url")} | {"mode": "connection"}
            async with Runtime.open(load([], environ={}, overrides={platform: section}), tmp_path) as runtime:
                board, bot = runtime.board, f"bot {platform}/default"
                while names.asked < 2 or board.state(bot) == "starting":
                    assert board.state(bot) != "failed", board.reason(bot)
                    await anyio.sleep(0.02)
                assert board.state(bot) == "degraded" and "vendor.test" in board.reason(bot)
                names.known = True
                while board.state(bot) != "ok":
                    assert board.state(bot) != "failed", board.reason(bot)
                    await anyio.sleep(0.02)

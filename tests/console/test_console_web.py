"""The console in a browser: by a printed address alone, and read-only unless told otherwise."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.request
from itertools import count
from pathlib import Path

import pytest
from console_web import Web, asked, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mindbot.domain.message import Json
from mindbot.testing.waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.full]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def drawn(web: Web, cookie: str, until: bytes, keys: str = "", host: str = "127.0.0.1") -> bytes:
    """Open a console as a browser does and return what it draws until a text is there."""
    url, origin = f"ws://127.0.0.1:{web.port}/ws?width=80&height=24", f"http://{host}:{web.port}"
    found = b""
    with connect(url, origin=origin, additional_headers={"Cookie": cookie}) as page:  # type: ignore[arg-type]
        while until not in found:
            data = page.recv(timeout=PATIENCE)
            found += data.encode() if isinstance(data, str) else data
            if keys and b"mindbot up" in found:
                page.send(json.dumps(["stdin", keys]))
                keys = ""
    return found


def test_each_printed_address_opens_one_browser(tmp_path: Path) -> None:
    with serving(tmp_path) as web:
        first, base = web.addresses[0], f"http://127.0.0.1:{web.port}/"
        assert asked(base)[0] == 403 and asked(f"{base}?token=guess")[0] == 403
        assert asked(f"{base}static/js/textual.js")[0] == 403
        status, cookie = asked(first)
        assert status == 303 and cookie
        assert asked(first)[0] == 403, "it was used"
        assert asked(base, cookie)[0] == 200
        with pytest.raises(InvalidStatus) as refused:
            drawn(web, "", b"mindbot up")
        assert refused.value.response.status_code == 403
        with pytest.raises(InvalidStatus) as refused:
            drawn(web, cookie, b"mindbot up", host="evil.example")
        assert refused.value.response.status_code == 403, "a page of another site"
        assert b"No daemon." in drawn(web, cookie, b"mindbot up", host="localhost")
        wait_for(lambda: len(web.addresses) == 2)
        assert asked(web.addresses[1])[0] == 303


def test_it_is_read_only_unless_it_is_told_to_write(tmp_path: Path) -> None:
    for options, said in ([], b"read-only"), (["--write"], b"no daemon is attached"):
        with serving(tmp_path, *options) as web:
            _, cookie = asked(web.addresses[0])
            drawn(web, cookie, said, ":reload\r")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_it(tmp_path: Path) -> None:
    assert CHROMIUM is not None
    profile = tmp_path / "profile"
    with serving(tmp_path) as web:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={profile}", "--window-size=1000,640", "--remote-debugging-port=0"]
        browser = subprocess.Popen([*command, "about:blank"], stderr=subprocess.DEVNULL)
        try:
            port = wait_for(lambda: _debugged(profile))
            picture = _shown(port, web.addresses[0])
        finally:
            browser.terminate()
            browser.wait(PATIENCE)
        wait_for(lambda: len(web.addresses) == 2)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")


def _debugged(profile: Path) -> int:
    """Return the port of a Chromium's DevTools; 0 while it has none."""
    told = profile / "DevToolsActivePort"
    lines = told.read_text().split() if told.exists() else []
    return int(lines[0]) if len(lines) > 1 else 0


def _shown(port: int, address: str) -> bytes:
    """Return a picture of a page once a console is drawn on it: its text is in the terminal's buffer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
        page = next(each for each in json.load(answer) if each["type"] == "page")
    with connect(page["webSocketDebuggerUrl"], max_size=None) as tools:
        numbers = count(1)

        def call(method: str, **params: object) -> Json:
            number = next(numbers)
            tools.send(json.dumps({"id": number, "method": method, "params": params}))
            while (found := json.loads(tools.recv(timeout=PATIENCE))).get("id") != number:
                pass
            result: Json = found.get("result", {})
            return result

        def picture() -> bytes:
            return base64.b64decode(call("Page.captureScreenshot", format="png").get("data", ""))

        call("Page.enable")
        blank = picture()
        call("Page.navigate", url=address)
        # A console's frame, banner and bars are far more than the page around it.
        return wait_for(lambda: found if len(found := picture()) > len(blank) + 6_000 else b"")

"""A chat at Coze whose start nobody answered for, while nobody can be asked what became of it."""

from __future__ import annotations

import pytest
from aiohttp import web
from coze_house import CozeHouse, served

from mindbot.domain.errors import Overloaded
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.workflows.coze import bots, run

pytestmark = pytest.mark.anyio


@pytest.mark.full
@pytest.mark.parametrize("status", [504, 502])
async def test_a_chat_is_looked_for_while_nobody_can_be_asked(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is known to go on, for its whole time; any other for a while: it is not asked for again."""
    monkeypatch.setattr(bots, "_UNASKED", 0.1)
    monkeypatch.setattr(run, "_SOONEST", 0.05)
    monkeypatch.setattr(run, "_LATEST", 0.05)
    asked: list[Json] = []
    looks: list[str] = []

    async def created(request: web.Request) -> web.Response:
        return web.json_response({"code": 0, "data": {"id": "c1"}})

    async def chat(request: web.Request) -> web.Response:
        asked.append((await request.json())["additional_messages"][0])
        return web.Response(status=status, text="<html>gateway</html>", content_type="text/html")

    async def listed(request: web.Request) -> web.Response:
        looks.append(request.path)
        if len(looks) < 20:
            return web.Response(status=502, text="<html>gateway</html>", content_type="text/html")
        row = {**asked[0], "chat_id": "h1", "created_at": 99999999999}
        return web.json_response({"code": 0, "data": [row]})

    async def retrieved(request: web.Request) -> web.Response:
        return web.json_response({"code": 0, "data": {"status": "completed"}})

    async def said(request: web.Request) -> web.Response:
        row = {"type": "answer", "content_type": "text", "content": "once"}
        return web.json_response({"code": 0, "data": [row]})

    routes = [
        web.post("/v1/conversation/create", created),
        web.post("/v3/chat", chat),
        web.post("/v1/conversation/message/list", listed),
        web.post("/v3/chat/retrieve", retrieved),
        web.get("/v3/chat/message/list", said),
    ]
    async with served(*routes) as url, HttpClient() as http:
        house = CozeHouse(http, url, bot_id="b", api_key="pat_fake", max_retries=1)
        if status == 504:
            assert (await house.ask()).text == "once"
        else:
            with pytest.raises(Overloaded):
                await house.ask()
        assert len(asked) == 1

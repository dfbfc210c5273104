"""The floor of ``mindbot bench wire``: one bare uvloop/aiohttp process, the same work, no durability.

It verifies and decrypts the callback, answers it, asks the model over HTTP and sends the answer with
``message/send``: no inbox, no outbox, no spans, no retries, no order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import sys
from typing import Any

import aiohttp
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_FIELD = {
    name: re.compile(rf"<{name}><!\[CDATA\[(.*?)\]\]></{name}>", re.S)
    for name in ("Encrypt", "FromUserName", "Content")
}


class Floor:
    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.key = base64.b64decode(plan["EncodingAESKey"] + "=")
        self.session: aiohttp.ClientSession
        self.access = ""
        self.tasks: set[asyncio.Task[None]] = set()

    async def callback(self, request: web.Request) -> web.Response:
        query = request.query
        body = (await request.read()).decode()
        encrypted = _FIELD["Encrypt"].search(body)
        assert encrypted is not None
        text = encrypted[1]
        signed = "".join(sorted((self.plan["token"], query["timestamp"], query["nonce"], text)))
        if hashlib.sha1(signed.encode()).hexdigest() != query["msg_signature"]:  # noqa: S324
            return web.Response(status=403)
        decryptor = Cipher(algorithms.AES(self.key), modes.CBC(self.key[:16])).decryptor()
        plain = decryptor.update(base64.b64decode(text)) + decryptor.finalize()
        size = int.from_bytes(plain[16:20], "big")
        xml = plain[20 : 20 + size].decode()
        user, content = _FIELD["FromUserName"].search(xml), _FIELD["Content"].search(xml)
        assert user is not None and content is not None
        task = asyncio.create_task(self.answer(user[1], content[1]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return web.Response()

    async def answer(self, user: str, text: str) -> None:
        body = {"model": self.plan["model"], "messages": [{"role": "user", "content": text}]}
        headers = {"Authorization": f"Bearer {self.plan['api_key']}"}
        async with self.session.post(
            self.plan["base_url"] + "/chat/completions", json=body, headers=headers
        ) as r:
            reply = json.loads(await r.read())["choices"][0]["message"]["content"]
        send = {"touser": user, "msgtype": "text", "agentid": 1, "text": {"content": reply}}
        send["agentid"] = self.plan["agent_id"]
        url = f"{self.plan['api_base_url']}/cgi-bin/message/send"
        async with self.session.post(url, params={"access_token": self.access}, json=send) as r:
            await r.read()

    async def run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as self.session:
            url = f"{self.plan['api_base_url']}/cgi-bin/gettoken"
            query = {"corpid": self.plan["corpid"], "corpsecret": self.plan["secret"]}
            async with self.session.get(url, params=query) as r:
                self.access = json.loads(await r.read())["access_token"]
            app = web.Application()
            app.router.add_post("/wecom/default/callback", self.callback)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.plan["port"]).start()
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(Floor(json.loads(sys.argv[1])).run())

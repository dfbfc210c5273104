"""The floor of ``mindbot bench workflows``: the same questions to the same apps by aiohttp alone.

It is told the app of each text, keeps each user's conversation in a dictionary, and joins what the stream
says: no choice, no deadlines, nothing durable, nobody who is sent the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import uvloop


async def _ask(session: aiohttp.ClientSession, plan: dict[str, Any], n: int, talks: dict[Any, str]) -> str:
    app, user = plan["apps"][n % len(plan["texts"]) % len(plan["apps"])], f"user{n % plan['users']}"
    text = f"{plan['texts'][n % len(plan['texts'])]} #{n}"
    body = {"inputs": {}, "query": text, "user": user, "response_mode": "streaming"}
    if talk := talks.get((app, user)):
        body["conversation_id"] = talk
    said = []
    headers = {"Authorization": f"Bearer app-{app}"}
    async with session.post(f"{plan['base']}/chat-messages", json=body, headers=headers) as response:
        async for line in response.content:
            if line.startswith(b"data:"):
                doc = json.loads(line[5:])
                said.append(doc.get("answer", ""))
                talks[app, user] = doc.get("conversation_id", "")
    return "".join(said)


async def run(plan: dict[str, Any]) -> dict[str, float]:
    """Ask all; returns how many were answered, and CPU milliseconds a message."""
    left, talks, answered = iter(range(plan["messages"])), dict[Any, str](), 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def caller() -> None:
            nonlocal answered
            for n in left:
                said = await _ask(session, plan, n, talks)
                answered += bool(said)

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller() for _ in range(plan["at_once"])))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count = plan["messages"]
    return {"answered": answered, "replies_per_s": count / wall, "cpu_ms": cpu / count * 1000}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))))

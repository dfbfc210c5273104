"""The floor of ``mindbot bench llm``: a model's server on loopback, and the same calls by aiohttp alone.

The server answers every call at once with words that never change, or a stream of so many chunks. The bare
caller sends the same body and reads the answer as JSON: no deadlines, no keys, no choice, nothing counted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import uvloop
from aiohttp import web

_HEAD = {"id": "c", "created": 1, "model": "m"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
ANSWER = json.dumps(
    {
        **_HEAD,
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        ],
        "usage": _USAGE,
    }
).encode()
WORDS = "hello"
BODY = {"model": "m", "messages": [{"role": "user", "content": WORDS}]}


def _event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    doc = {**_HEAD, "object": "chat.completion.chunk", "choices": [choice], **more}
    return b"data: " + json.dumps(doc).encode() + b"\n\n"


async def serve(chunks: int, wait: float) -> None:
    """Answer until stdin ends, each call after ``wait`` seconds; prints the address first."""
    words = _event({"content": "hello "}) * 20

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if wait:
            await asyncio.sleep(wait)
        if not asked.get("stream"):
            return web.Response(body=ANSWER, content_type="application/json")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(chunks // 20):
            await response.write(words)
        await response.write(_event({}, "stop", usage=_USAGE) + b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


async def bare(base: str, calls: int, at_once: int) -> dict[str, float]:
    """Make the calls; returns calls a second and CPU microseconds a call."""
    left = iter(range(calls))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def caller() -> None:
            for _ in left:
                headers = {"Authorization": "Bearer k"}
                async with session.post(f"{base}/chat/completions", json=BODY, headers=headers) as response:
                    found = json.loads(await response.read())
                assert found["choices"][0]["message"]["content"] == "hello"

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(caller() for _ in range(at_once)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"calls_per_s": calls / wall, "cpu_us_a_call": cpu / calls * 1e6}


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve(int(sys.argv[2]), float(sys.argv[3])))
    else:
        print(json.dumps(uvloop.run(bare(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))

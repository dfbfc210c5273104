"""The simulator of Zhipu's models: both kinds of keys, shapes, narrower parameters, every refusal."""

import base64
import hmac
import time
from hashlib import sha256
from typing import Any

import anyio
import orjson
import pytest
from aiohttp import ClientSession

from mindbot.sim.chatglm.errors import CODES
from mindbot.sim.chatglm.server import ChatGLMSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.quotas import QuotaRules
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()


def said(content: Any) -> list[Json]:
    return [{"role": "user", "content": content}]


def part(data: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(data)).rstrip(b"=").decode()


def jwt(key: str, *, secret: str = "", header: Json | None = None, **claims: Any) -> str:
    """Sign a token as the official SDK does."""
    name, _, usual = key.partition(".")
    now = int(time.time() * 1000)
    body = {"api_key": name, "exp": now + 210_000, "timestamp": now, **claims}
    text = f"{part(header or {'alg': 'HS256', 'sign_type': 'SIGN', 'typ': 'JWT'})}.{part(body)}"
    signature = hmac.digest((secret or usual).encode(), text.encode(), sha256)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def post(
    http: ClientSession, sim: ChatGLMSimulator, path: str = "chat/completions", key: str = "", **body: Any
) -> tuple[int, Json]:
    body = {"model": "glm-5.3", "messages": said("hello"), **body}
    headers = {"Authorization": f"Bearer {key or sim.settings.api_key}"}
    async with http.post(f"{sim.base_url}/{path}", json=body, headers=headers) as response:
        return response.status, await response.json()


async def events(http: ClientSession, sim: ChatGLMSimulator, **body: Any) -> list[Json]:
    body = {"model": "glm-5.3", "messages": said("hello"), "stream": True, **body}
    async with http.post(f"{sim.base_url}/chat/completions", json=body) as response:
        assert response.content_type == "text/event-stream"
        *found, done = (await response.text()).strip().split("\n\n")
    assert done == "data: [DONE]"
    return [orjson.loads(event.removeprefix("data: ")) for event in found]


async def test_an_answer_and_its_stream(http: ClientSession) -> None:
    async with simulated("chatglm", strict=True) as glm:
        status, answer = await post(http, glm, request_id="mine-1", user_id="user-0001")
        [choice] = answer["choices"]
        assert (status, choice["message"]["content"], choice["finish_reason"]) == (200, "echo: hello", "stop")
        assert answer["request_id"] == answer["id"] == "mine-1"
    async with simulated("chatglm") as glm:
        *chunks, last = await events(http, glm)
        assert "".join(c["choices"][0]["delta"]["content"] for c in chunks) == "echo: hello"
        assert last["usage"] == answer["usage"] and last["choices"][0]["finish_reason"] == "stop"
        assert not any("usage" in chunk for chunk in chunks)


async def test_reasoning_goes_before_the_answer(http: ClientSession) -> None:
    async with simulated("chatglm") as glm:
        *chunks, _ = await events(http, glm, thinking={"type": "enabled"})
        kinds = ["reasoning_content" in c["choices"][0]["delta"] for c in chunks]
        assert kinds == sorted(kinds, reverse=True) and kinds[0]
        _, answer = await post(http, glm, thinking={"type": "enabled"})
        assert answer["choices"][0]["message"]["reasoning_content"]
        assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
        _, answer = await post(http, glm, thinking={"type": "disabled"})
        assert "reasoning_content" not in answer["choices"][0]["message"]


async def test_tool_calls_come_whole_or_in_pieces(http: ClientSession) -> None:
    async with simulated("chatglm") as glm:
        asked = said('call add({"a": 1, "b": 2})')
        *chunks, last = await events(http, glm, messages=asked, tools=[ADD])
        [call] = [c for chunk in chunks for c in chunk["choices"][0]["delta"]["tool_calls"]]
        assert orjson.loads(call["function"]["arguments"]) == {"a": 1, "b": 2}
        assert last["choices"][0]["finish_reason"] == "tool_calls"
        *chunks, _ = await events(http, glm, messages=asked, tools=[ADD], tool_stream=True)
        pieces = [c["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for c in chunks]
        assert len(pieces) > 2 and orjson.loads("".join(pieces)) == {"a": 1, "b": 2}
        _, answer = await post(http, glm, messages=asked, tools=[ADD])
        message = answer["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "3"}
        _, answer = await post(http, glm, messages=[*asked, message, result], tools=[ADD])
        assert answer["choices"][0]["message"]["content"].endswith("[tool: 3]")


async def test_both_kinds_of_keys(http: ClientSession) -> None:
    async with simulated("chatglm", strict=True) as glm:
        key = glm.settings.api_key
        good = {key: "", jwt(key): ""}
        bad = {
            "wrong": "1002",
            jwt("other.secret"): "1002",
            jwt(key, header={"alg": "HS256"}): "1002",
            jwt(key, secret="wrong"): "1004",
            jwt(key, exp=int(time.time() * 1000) - 1): "1003",
            jwt(key, exp=int(time.time()) + 200): "1003",  # seconds
            "not.a.token": "1002",
        }
        for token, code in {**good, **bad}.items():
            status, answer = await post(http, glm, key=token)
            assert (status, answer.get("error", {}).get("code", "")) == (401 if code else 200, code)
        async with http.post(f"{glm.base_url}/chat/completions", json={}) as response:
            assert (await response.json())["error"]["code"] == "1001"
        assert glm.counters["key.jwt"] == 7


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"messages": []}, "1213"),
        ({"messages": "hello"}, "1214"),
        ({"messages": said("")}, "1214"),
        ({"messages": [{"role": "developer", "content": "x"}]}, "1214"),
        ({"messages": said([{"type": "input_audio"}])}, "1214"),
        ({"messages": said([{"type": "image_url", "image_url": {"url": "???"}}])}, "1214"),
        ({"temperature": 1}, "1214"),
        ({"temperature": 0}, "1214"),
        ({"top_p": 1.0}, "1214"),
        ({"max_tokens": 0}, "1214"),
        ({"user_id": "short"}, "1214"),
        ({"tools": [{"type": "code"}]}, "1214"),
        ({"thinking": {"type": "maybe"}}, "1214"),
        ({"tool_choice": "required"}, "1210"),
        ({"model": "gpt-9"}, "1211"),
        ({"messages": said("x" * 500)}, "1261"),
    ],
)
async def test_bad_requests_of_chats(http: ClientSession, body: Json, code: str) -> None:
    async with simulated("chatglm", strict=True, context_tokens=100) as glm:
        status, answer = await post(http, glm, **body)
        assert (status, answer["error"]["code"]) == (400, code)
        assert list(answer["error"]) == ["code", "message"]


async def test_pictures_with_and_without_the_head_of_a_data_url(http: ClientSession) -> None:
    async with simulated("chatglm", strict=True) as glm:
        for url in (PNG, f"data:image/png;base64,{PNG}", "https://example.com/a.png"):
            content = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url}}]
            status, answer = await post(http, glm, messages=said(content))
            assert (status, answer["choices"][0]["message"]["content"]) == (200, "echo: look [image_url]")
        assert glm.requests[-1].question.said[0].pictures == 1  # type: ignore[union-attr]


async def test_every_refusal_by_its_code(http: ClientSession) -> None:
    async with simulated("chatglm") as glm:
        for code, (status, _) in CODES.items():
            glm.refused = {"out": code}
            found, answer = await post(http, glm, key="out")
            assert (found, answer["error"]["code"]) == (status, code)
        glm.refused = {}
        for fault, status, code in (
            ("1113", 429, "1113"),
            ("500", 500, "500"),
            ("429:code=1305", 429, "1305"),
        ):
            glm.faults.set([fault])
            found, answer = await post(http, glm)
            assert (found, answer["error"]["code"]) == (status, code)
        glm.faults.set(["1301"])
        assert (await post(http, glm))[1]["contentFilter"] == [{"role": "user", "level": 1}]


async def test_quotas_have_codes_of_their_own(http: ClientSession) -> None:
    rules = QuotaRules(requests_per_day=1)
    async with simulated("chatglm", quotas=rules) as glm:
        assert [(await post(http, glm))[0] for _ in range(2)] == [200, 429]
        glm.quotas.rules = QuotaRules(requests_per_minute=1)
        assert [(await post(http, glm))[0] for _ in range(2)][1] == 429
        assert (await post(http, glm))[1]["error"]["code"] == "1303"


async def test_a_request_id_in_use_is_refused(http: ClientSession) -> None:
    async with simulated("chatglm") as glm:
        glm.script(Scripted("slowly", think=0.2))
        found: list[int] = []

        async def one() -> None:
            found.append((await post(http, glm, request_id="the-same"))[0])

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
        assert sorted(found) == [200, 400]


async def test_a_filter_in_the_answer_and_an_error_in_the_stream(http: ClientSession) -> None:
    async with simulated("chatglm") as glm:
        glm.script(Scripted("up to here", finish="sensitive"))
        *_, last = await events(http, glm)
        assert last["choices"][0]["finish_reason"] == "sensitive" and last["content_filter"]
        glm.faults.set(["error-in-stream:after=1"])
        body = {"model": "m", "messages": said("x"), "stream": True}
        async with http.post(f"{glm.base_url}/chat/completions", json=body) as response:
            last = (await response.text()).strip().split("\n\n")[-1]
        assert orjson.loads(last.removeprefix("data: "))["error"]["code"] == "1234"


async def test_embeddings_and_models(http: ClientSession) -> None:
    async with simulated("chatglm", strict=True) as glm:
        more = {"model": "embedding-3", "input": ["one", "two"]}
        _, answer = await post(http, glm, "embeddings", **more)
        assert [len(item["embedding"]) for item in answer["data"]] == [2048, 2048]
        _, answer = await post(http, glm, "embeddings", **more, dimensions=256)
        assert len(answer["data"][0]["embedding"]) == 256
        assert (await post(http, glm, "embeddings", **more, dimensions=7))[1]["error"]["code"] == "1214"
        assert (await post(http, glm, "embeddings", **{**more, "input": ["x"] * 65}))[0] == 400
        headers = {"Authorization": f"Bearer {glm.settings.api_key}"}
        async with http.get(f"{glm.base_url}/models", headers=headers) as response:
            assert [m["id"] for m in (await response.json())["data"]] == ["glm-5.3", "embedding-3"]
        async with http.get(f"{glm.origin}/v1/models", headers=headers) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (404, "1222")

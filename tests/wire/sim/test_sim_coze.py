"""The Coze simulator: chats polled and streamed, conversations, tools that wait, files, tokens, refusals."""

import base64
import time
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, FormData
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mindbot.sim.coze.errors import CODES
from mindbot.sim.coze.oauth import GRANT
from mindbot.sim.coze.server import CozeSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.quotas import QuotaRules
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


def text(content: str, **more: Any) -> Json:
    return {"role": "user", "type": "question", "content": content, "content_type": "text", **more}


class Caller:
    """Calls a simulator with its token."""

    def __init__(self, http: ClientSession, sim: CozeSimulator, token: str = "") -> None:
        self._http, self._sim = http, sim
        self._headers = {"Authorization": f"Bearer {token or sim.settings.api_key}"}

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Json:
        url = f"{self._sim.base_url}{path}"
        sent = {"data": body} if isinstance(body, FormData) else {"json": body} if body is not None else {}
        async with self._http.request(method, url, params=query, headers=self._headers, **sent) as response:
            answer = await response.json()
            assert answer["detail"]["logid"] == response.headers["x-tt-logid"]
            return answer

    def body(self, *messages: Json, **more: Any) -> Json:
        return {
            "bot_id": self._sim.settings.model,
            "user_id": "u1",
            "additional_messages": list(messages) or [text("hello")],
            **more,
        }

    async def chat(self, *messages: Json, conversation_id: str = "", **more: Any) -> Json:
        query = {"conversation_id": conversation_id} if conversation_id else {}
        return await self.call("POST", "/v3/chat", self.body(*messages, **more), **query)

    async def stream(self, *messages: Json, path: str = "/v3/chat", **query: str) -> list[tuple[str, Any]]:
        body = self.body(*messages, stream=True)
        return await self.streamed(path, body, **query)

    async def streamed(self, path: str, body: Json, **query: str) -> list[tuple[str, Any]]:
        """Return the events of a stream; no line has a blank after its colon."""
        url = f"{self._sim.base_url}{path}"
        async with self._http.post(url, json=body, params=query, headers=self._headers) as response:
            assert response.content_type == "text/event-stream"
            raw = await response.text()
        found = []
        for event in raw.strip("\n").split("\n\n"):
            name, data = event.split("\n")
            assert name.startswith("event:") and data.startswith("data:") and data[5] != " "
            found.append((name[6:], orjson.loads(data[5:])))
        return found


def ids(chat: Json) -> dict[str, str]:
    return {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}


async def test_a_chat_is_begun_polled_and_read(http: ClientSession) -> None:
    now = [1_000_000.0]
    async with simulated("coze", strict=True, work=2, clock=lambda: now[0]) as coze:
        caller = Caller(http, coze)
        begun = (await caller.chat(meta_data={"a": "b"}))["data"]
        assert (begun["status"], begun["meta_data"]) == ("in_progress", {"a": "b"})
        for method in ("GET", "POST"):
            shown = await caller.call(method, "/v3/chat/retrieve", **ids(begun))
            assert shown["data"]["status"] == "in_progress"
        assert (await caller.call("GET", "/v3/chat/message/list", **ids(begun)))["data"] == []
        now[0] += 2
        shown = (await caller.call("GET", "/v3/chat/retrieve", **ids(begun)))["data"]
        assert shown["status"] == "completed" and shown["usage"]["output_count"] == 3
        assert shown["usage"]["token_count"] == shown["usage"]["input_count"] + 3
        messages = (await caller.call("GET", "/v3/chat/message/list", **ids(begun)))["data"]
        assert [m["type"] for m in messages] == ["answer", "verbose"]
        assert messages[0]["content"] == "echo: hello"


async def test_a_stream_in_its_order(http: ClientSession) -> None:
    async with simulated("coze", suggestions=("and then?",)) as coze:
        coze.script(Scripted("forty-two", reasoning="six times seven"))
        events = await Caller(http, coze).stream()
        names = [name.removeprefix("conversation.") for name, _ in events]
        deltas = [data for name, data in events if name == "conversation.message.delta"]
        assert names[:2] == ["chat.created", "chat.in_progress"]
        assert names[2 : 2 + len(deltas)] == ["message.delta"] * len(deltas)
        assert names[-5:] == [*["message.completed"] * 3, "chat.completed", "done"]
        thought = "".join(d.get("reasoning_content", "") for d in deltas)
        assert (thought, "".join(d["content"] for d in deltas)) == ("six times seven", "forty-two")
        whole, verbose, follow_up, last, done = (data for _, data in events[-5:])
        assert (whole["content"], follow_up["type"], done) == ("forty-two", "follow_up", "[DONE]")
        assert orjson.loads(verbose["content"])["msg_type"] == "generate_answer_finish"
        assert last["status"] == "completed" and last["usage"]["output_count"] > 0
        assert events[0][1]["usage"]["token_count"] == 0


async def test_a_conversation_remembers_and_takes_one_chat_at_a_time(http: ClientSession) -> None:
    now = [1_000_000.0]
    async with simulated("coze", work=5, clock=lambda: now[0]) as coze:
        caller = Caller(http, coze)
        first = (await caller.chat(text("one")))["data"]
        room = first["conversation_id"]
        assert (await caller.chat(text("two"), conversation_id=room))["code"] == 4016
        now[0] += 5
        second = (await caller.chat(text("two"), conversation_id=room))["data"]
        asked = coze.requests[-1].question
        assert asked is not None and [u.text for u in asked.said] == ["one", "echo: one", "two"]
        canceled = await caller.call("POST", "/v3/chat/cancel", ids(second))
        assert canceled["data"]["status"] == "canceled"
        await caller.chat(text("three"), conversation_id=room)
        asked = coze.requests[-1].question
        assert asked is not None and [u.text for u in asked.said] == ["one", "echo: one", "three"]
        assert (await caller.call("POST", "/v3/chat/cancel", ids(first)))["code"] == 4104
        assert (await caller.chat(conversation_id="1"))["code"] == 4200


async def test_tools_wait_for_their_outputs(http: ClientSession) -> None:
    async with simulated("coze", tools=("add",)) as coze:
        caller = Caller(http, coze)
        asked = text('call add({"a": 1}) and call add({"a": 2})')
        begun = (await caller.chat(asked))["data"]
        shown = (await caller.call("GET", "/v3/chat/retrieve", **ids(begun)))["data"]
        calls = shown["required_action"]["submit_tool_outputs"]["tool_calls"]
        assert shown["status"] == "requires_action"
        assert [orjson.loads(call["function"]["arguments"]) for call in calls] == [{"a": 1}, {"a": 2}]
        outputs = [{"tool_call_id": call["id"], "output": str(i)} for i, call in enumerate(calls, 1)]
        path = "/v3/chat/submit_tool_outputs"
        refused = await caller.call("POST", path, {"tool_outputs": outputs[:1]}, **ids(begun))
        assert refused["code"] == 4000
        assert (await caller.call("POST", "/v3/chat/cancel", ids(begun)))["code"] == 4104
        await caller.call("POST", path, {"tool_outputs": outputs}, **ids(begun))
        messages = (await caller.call("GET", "/v3/chat/message/list", **ids(begun)))["data"]
        kinds = ["function_call", "function_call", "tool_response", "tool_response", "answer", "verbose"]
        assert [m["type"] for m in messages] == kinds
        assert messages[4]["content"].endswith("[tool: 1] [tool: 2]")
        *_, waiting, done = await caller.stream(asked)
        assert (waiting[0], done) == ("conversation.chat.requires_action", ("done", "[DONE]"))
        calls = waiting[1]["required_action"]["submit_tool_outputs"]["tool_calls"]
        body = {"stream": True, "tool_outputs": [{"tool_call_id": c["id"], "output": "3"} for c in calls]}
        events = await caller.streamed(path, body, **ids(waiting[1]))
        assert events[-2][0] == "conversation.chat.completed"


async def test_files_and_parts(http: ClientSession) -> None:
    async with simulated("coze", strict=True) as coze:
        caller = Caller(http, coze)
        form = FormData()
        form.add_field("file", b"\x89PNG\r\n\x1a\n", filename="a.png", content_type="image/png")
        file = (await caller.call("POST", "/v1/files/upload", form))["data"]
        assert (file["bytes"], file["file_name"]) == (8, "a.png")
        found = await caller.call("GET", "/v1/files/retrieve", file_id=file["id"])
        assert found["data"] == file
        for number, code in ((file["id"], 0), ("7", 4000)):
            parts = [{"type": "text", "text": "look"}, {"type": "image", "file_id": number}]
            message = text(orjson.dumps(parts).decode(), content_type="object_string")
            assert (await caller.chat(message))["code"] == code
        assert coze.requests[-2].question.said[0].pictures == 1  # type: ignore[union-attr]


async def test_conversations_of_their_own(http: ClientSession) -> None:
    async with simulated("coze") as coze:
        caller = Caller(http, coze)
        body = {"bot_id": coze.settings.model, "messages": [text("before")]}
        room = (await caller.call("POST", "/v1/conversation/create", body))["data"]
        where = {"conversation_id": room["id"]}
        assert (await caller.call("GET", "/v1/conversation/retrieve", **where))["data"] == room
        await caller.call("POST", "/v1/conversation/message/create", text("between"), **where)
        await caller.chat(text("now"), conversation_id=room["id"])
        asked = coze.requests[-1].question
        assert asked is not None and [u.text for u in asked.said] == ["before", "between", "now"]
        page = await caller.call(
            "POST", "/v1/conversation/message/list", {"order": "asc", "limit": 2}, **where
        )
        assert [m["content"] for m in page["data"]] == ["before", "between"]
        found = await caller.call("GET", "/v1/conversations", bot_id=coze.settings.model)
        assert [each["id"] for each in found["data"]["conversations"]] == [room["id"]]


def signed(pem: str, header: Json, claims: Json) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()

    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    text = f"{part(header)}.{part(claims)}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.slow
async def test_a_signed_jwt_is_exchanged_for_a_token(http: ClientSession) -> None:
    async with simulated("coze", strict=True) as coze:
        app, now, host = coze.details(), int(time.time()), f"{coze.host}:{coze.port}"
        header = {"alg": "RS256", "typ": "JWT", "kid": app["public_key_id"]}
        claims = {"iss": app["app_id"], "aud": host, "iat": now, "exp": now + 3600, "jti": "1"}
        url, body = f"{coze.base_url}/api/permission/oauth2/token", {"grant_type": GRANT}

        async def exchange(**changed: Any) -> Json:
            token = signed(app["private_key"], header, {**claims, **changed})
            sent = {**body, "duration_seconds": 900, "scope": None}
            async with http.post(url, json=sent, headers={"Authorization": f"Bearer {token}"}) as response:
                return await response.json()

        given = await exchange()
        assert now + 890 < given["expires_in"] <= now + 910  # a time, not a span
        assert (await Caller(http, coze, given["access_token"]).chat())["code"] == 0
        for changed in ({}, {"jti": "2", "aud": "other"}, {"jti": "3", "exp": now - 1}, {"jti": ""}):
            refused = await exchange(**changed)
            assert refused["error_code"] == "invalid_client"
        async with http.post(f"{coze.origin}/_sim/expire-tokens") as response:
            assert await response.json() == {"expired": 1}
        refused = await Caller(http, coze, given["access_token"]).chat()
        assert refused["code"] == 700012006


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": ""},
        {"user_id": 7},
        {"auto_save_history": False},
        {"additional_messages": [text("x")] * 101},
        {"additional_messages": [text("x", role="system")]},
        {"additional_messages": [text("x", content_type="card")]},
        {"additional_messages": [text("no JSON", content_type="object_string")]},
        {"additional_messages": [text("x", type="verbose")]},
        {"meta_data": {"a": "x" * 513}},
    ],
)
async def test_bad_chats_of_coze(http: ClientSession, more: Json) -> None:
    async with simulated("coze", strict=True) as coze:
        caller = Caller(http, coze)
        answer = await caller.call("POST", "/v3/chat", {**caller.body(), **more})
        assert answer["code"] == 4000 and answer["msg"].startswith("Request parameter error")


async def test_every_refusal_comes_with_a_200(http: ClientSession) -> None:
    async with simulated("coze") as coze:
        caller = Caller(http, coze)
        for code in CODES:
            coze.faults.set([str(code)])
            assert (await caller.chat())["code"] == code
            assert coze.requests[-1].status == 200
        coze.faults.set([])
        assert (await caller.chat())["code"] == 0
        coze.quotas.rules = QuotaRules(tokens_per_day=1)
        assert (await caller.chat())["code"] == 4029


async def test_a_chat_that_fails_later(http: ClientSession) -> None:
    async with simulated("coze", fault="chat-failed:code=5000") as coze:
        caller = Caller(http, coze)
        begun = (await caller.chat())["data"]
        shown = (await caller.call("GET", "/v3/chat/retrieve", **ids(begun)))["data"]
        assert (shown["status"], shown["last_error"]["code"]) == ("failed", 5000)
        events = await caller.stream()
        assert [name for name, _ in events[-2:]] == ["conversation.chat.failed", "done"]
    async with simulated("coze", fault="error-in-stream:after=1:code=4013") as coze:
        events = await Caller(http, coze).stream()
        assert events[-2:] == [("error", {"code": 4013, "msg": CODES[4013]}), ("done", "[DONE]")]


async def test_whom_it_lets_in(http: ClientSession) -> None:
    async with simulated("coze", strict=True) as coze:
        assert (await Caller(http, coze, "pat_wrong").chat())["code"] == 700012006
        async with http.post(f"{coze.base_url}/v3/chat", json={}) as response:
            assert (await response.json())["code"] == 4100
        caller = Caller(http, coze)
        assert (await caller.chat(bot_id="1"))["code"] == 4200
        shown = await caller.call("GET", "/v1/bot/get_online_info", bot_id=coze.settings.model)
        assert shown["data"]["bot_id"] == coze.settings.model

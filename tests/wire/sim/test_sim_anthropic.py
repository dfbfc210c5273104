"""The Anthropic simulator: checks, versions, events, thoughts, cache, keys, quotas, refusals, the ledger."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from mindbot.sim.anthropic.server import AnthropicSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.quotas import QuotaRules
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
OLD, NEW = "2023-06-01", "2026-10-21"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()
TOOL = {"name": "add", "input_schema": {"type": "object"}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3"}


def user(content: Any = "hi") -> Json:
    return {"role": "user", "content": content}


def bot(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def text(value: str = "x", **more: Any) -> Json:
    return {"type": "text", "text": value, **more}


def picture(data: str = PNG, media_type: str = "image/png") -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


async def post(
    http: ClientSession,
    far: AnthropicSimulator,
    *messages: Json,
    version: str = NEW,
    key: str = "k",
    **more: Any,
) -> tuple[int, Json]:
    body = {"model": "sim-1", "max_tokens": 100, "messages": list(messages) or [user()], **more}
    body = {name: value for name, value in body.items() if value is not None}
    headers = {"x-api-key": key, "anthropic-version": version}
    async with http.post(f"{far.base_url}/v1/messages", json=body, headers=headers) as response:
        return response.status, await response.json()


async def events(http: ClientSession, far: AnthropicSimulator, *messages: Json, **more: Any) -> list[Json]:
    body = {"model": "sim-1", "max_tokens": 2000, "messages": list(messages), "stream": True, **more}
    async with http.post(
        f"{far.base_url}/v1/messages", json=body, headers={"anthropic-version": NEW}
    ) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        raw = (await response.read()).decode()
    found = []
    for each in raw.split("\n\n")[:-1]:
        named, data = each.split("\n")
        found.append(orjson.loads(data.removeprefix("data: ")))
        assert named == f"event: {found[-1]['type']}"
    return found


@pytest.mark.parametrize(
    ("messages", "more", "said"),
    [
        ([bot(text())], {}, 'first message must use the "user" role'),
        ([{"role": "system", "content": "x"}, user()], {}, 'Unexpected role "system"'),
        ([{"role": "tool", "content": "x"}], {}, "messages.0.role"),
        ([user([])], {}, "non-empty content"),
        ([user([text("")])], {}, "must be non-empty"),
        ([user([text(" \n")])], {}, "non-whitespace"),
        ([user([{"type": "audio"}])], {}, "Input tag 'audio'"),
        ([user([text(id="x")])], {}, "content.0.text.id: Extra inputs"),
        ([user([picture("no base64!")])], {}, "invalid base64"),
        ([user([picture(media_type="image/bmp")])], {}, "media_type: Input should be"),
        ([user([picture(media_type="image/gif")])], {}, "does not match the provided media type"),
        ([user([picture(base64.b64encode(b"text").decode())])], {}, "Could not process image"),
        ([user(), bot(USE)], {}, "without `tool_result` blocks immediately after: toolu_1"),
        ([user(), bot(USE), user()], {}, "messages.1: `tool_use` ids were found"),
        ([user(), bot(USE), user([text(), RESULT])], {}, "messages.1: `tool_use` ids were found"),
        ([user([RESULT])], {}, "unexpected `tool_use_id`"),
        ([user(), bot(USE), user([RESULT, RESULT])], {}, "single result"),
        ([user(), bot({**USE, "input": "{}"}), user([RESULT])], {}, "valid dictionary"),
        ([user(), bot({"type": "thinking", "thinking": "x", "signature": "y"})], {}, "Invalid `signature`"),
        ([user(), bot({"type": "document", "source": {}})], {}, "not allowed in assistant"),
        ([user([text(citations=[{}])])], {}, "citations"),
        ([user()], {"max_tokens": None}, "max_tokens: Field required"),
        ([user()], {"max_tokens": 99_999_999}, "maximum allowed number of output tokens"),
        ([user()], {"max_completion_tokens": 5}, "max_completion_tokens: Extra inputs"),
        ([user()], {"temperature": 1.0}, "temperature"),
        ([user()], {"top_p": 1}, "top_p"),
        ([user()], {"tools": [{"name": "add"}]}, "input_schema: Field required"),
        ([user()], {"tools": [{"name": "a b", "input_schema": {}}]}, "should match pattern"),
        ([user()], {"tools": [TOOL, TOOL]}, "must be unique"),
        ([user()], {"tool_choice": {"type": "tool", "name": "no"}}, "not found in provided tools"),
        ([user()], {"thinking": {"type": "enabled", "budget_tokens": 5}}, "greater than or equal to 1024"),
        ([user()], {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "must be greater than"),
        ([user("x" * 400)], {}, "prompt is too long: 104 tokens > 50 maximum"),
    ],
)
async def test_what_is_refused(http: ClientSession, messages: list[Json], more: Json, said: str) -> None:
    async with simulated("anthropic", context_tokens=50) as far:
        status, body = await post(http, far, *messages, **more)
    assert (status, body["type"], body["error"]["type"]) == (400, "error", "invalid_request_error")
    assert said in body["error"]["message"]
    assert body["request_id"].startswith("req_")


async def test_the_older_version_takes_what_the_newer_does_not(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        document = {"type": "document", "source": {"type": "text", "data": "x"}}
        messages = [user([text(citations=[{}])]), bot(document), user("well?")]
        status, _ = await post(http, far, *messages, version=OLD, temperature=0.5, top_k=3)
        assert status == 200
        for version, why in (("2024-01-01", "not a valid version"), ("", "not a valid version")):
            status, body = await post(http, far, version=version)
            assert (status, why in body["error"]["message"]) == (400, True)
        async with http.post(f"{far.base_url}/v1/messages", json={}) as response:
            assert (response.status, "header is required" in await response.text()) == (400, True)


async def test_both_headers_carry_the_key(http: ClientSession) -> None:
    async with simulated("anthropic", strict=True) as far:
        version = {"anthropic-version": NEW}
        key = far.settings.api_key
        for headers, status in (
            ({"x-api-key": key}, 200),
            ({"Authorization": f"Bearer {key}"}, 200),
            ({"x-api-key": "sk-ant-wrong"}, 401),
            ({}, 401),
        ):
            async with http.get(f"{far.base_url}/v1/models", headers={**version, **headers}) as response:
                assert response.status == status
        status, body = await post(http, far, key=key, model="claude-9")
        assert (status, body["error"]["type"]) == (404, "not_found_error")


async def test_neighbours_of_one_role_are_one_message(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        two = {**RESULT, "tool_use_id": "toolu_2"}
        calls = bot(USE, {**USE, "id": "toolu_2"})
        status, body = await post(http, far, user(), calls, user([RESULT]), user([two]), tools=[TOOL])
        assert (status, body["content"][0]["text"]) == (200, "echo: hi [tool: 3] [tool: 3]")


async def test_the_events_of_a_stream(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        far.script(
            Scripted("well", [{"name": "add", "arguments": {"a": 1}}, {"name": "now"}], reasoning="hm")
        )
        found = await events(http, far, user())
        whole_kinds = [event["type"] for event in found]
        assert whole_kinds[:2] == ["message_start", "ping"]
        assert whole_kinds[-2:] == ["message_delta", "message_stop"]
        assert [e["content_block"]["type"] for e in found if e["type"] == "content_block_start"] == [
            "thinking",
            "text",
            "tool_use",
            "tool_use",
        ]
        deltas = [event["delta"] for event in found if event["type"] == "content_block_delta"]
        assert [d["type"] for d in deltas[:3]] == ["thinking_delta", "signature_delta", "text_delta"]
        arguments = [d["partial_json"] for d in deltas if d["type"] == "input_json_delta"]
        assert arguments == ["", '{"a":', "1}", ""]
        assert found[0]["message"]["usage"]["output_tokens"] == 1
        assert found[-2]["delta"]["stop_reason"] == "tool_use"
        assert found[-2]["usage"]["output_tokens"] == 5
        assert found[-2]["usage"]["input_tokens"] == found[0]["message"]["usage"]["input_tokens"]


async def test_why_an_answer_ends(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        _, body = await post(http, far, user("a long story"), max_tokens=2)
        assert (body["content"][0]["text"], body["stop_reason"]) == ("echo: a ", "max_tokens")
        _, body = await post(http, far, user("a long story"), stop_sequences=["story", "long"])
        assert (body["content"][0]["text"], body["stop_reason"]) == ("echo: a ", "stop_sequence")
        assert body["stop_sequence"] == "long"
        far.script(Scripted(blocked="cyber"), Scripted("so far", finish="pause_turn"))
        _, body = await post(http, far)
        assert (body["content"], body["stop_reason"]) == ([], "refusal")
        assert body["stop_details"]["category"] == "cyber"
        _, body = await post(http, far)
        assert body["stop_reason"] == "pause_turn"


async def test_thoughts_come_back_unchanged_with_tools(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        thinks: Json = {"thinking": {"type": "adaptive"}, "tools": [TOOL]}
        _, body = await post(http, far, user('call add({"a": 1})'), **thinks)
        thought, call = body["content"]
        result = {**RESULT, "tool_use_id": call["id"]}
        history = [user('call add({"a": 1})'), bot(thought, call), user([result])]
        assert (await post(http, far, *history, **thinks))[0] == 200
        history[1] = bot(call)
        status, body = await post(http, far, *history, **thinks)
        assert (status, "must start with a thinking block" in body["error"]["message"]) == (400, True)
        history[1] = bot({**thought, "thinking": "another"}, call)
        assert (await post(http, far, *history, **thinks))[0] == 400
        omitted = {"thinking": {"type": "adaptive", "display": "omitted"}}
        _, body = await post(http, far, **omitted)
        assert (body["content"][0]["thinking"], bool(body["content"][0]["signature"])) == ("", True)


async def test_a_choice_of_tools(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        for choice, kind in (("any", "tool_use"), ("none", "text"), ("auto", "text")):
            _, body = await post(http, far, tools=[TOOL], tool_choice={"type": choice})
            assert body["content"][0]["type"] == kind
        _, body = await post(http, far, tools=[TOOL], tool_choice={"type": "tool", "name": "add"})
        assert body["content"][0]["name"] == "add"
        _, body = await post(http, far, user("call add({})"), tools=[TOOL], tool_choice={"type": "none"})
        assert body["stop_reason"] == "end_turn"


async def test_the_prompt_cache_is_written_and_read(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        system = [text("You are helpful." * 20, cache_control={"type": "ephemeral"})]
        usages = [(await post(http, far, system=system))[1]["usage"] for _ in range(2)]
        assert usages[0]["cache_creation_input_tokens"] == usages[1]["cache_read_input_tokens"] > 0
        assert usages[0]["cache_read_input_tokens"] == usages[1]["cache_creation_input_tokens"] == 0
        assert usages[0]["input_tokens"] == usages[1]["input_tokens"]


async def test_quotas_by_minute_and_day(http: ClientSession) -> None:
    now = 1_800_000_000.0
    rules = QuotaRules(requests_per_minute=2, tokens_per_day=60)
    async with simulated("anthropic", quotas=rules, clock=lambda: now) as far:
        assert [(await post(http, far))[0] for _ in range(3)] == [200, 200, 429]
        assert (await post(http, far, key="another"))[0] == 200
        now += 60
        assert (await post(http, far))[0] == 200
        headers = {"anthropic-version": NEW, "x-api-key": "k"}
        async with http.get(f"{far.base_url}/v1/models", headers=headers) as response:
            assert response.headers["anthropic-ratelimit-requests-remaining"] == "1"
            assert response.headers["anthropic-ratelimit-requests-reset"] == "2027-01-15T08:02:00Z"
        now += 60
        assert (await post(http, far, user("x" * 200)))[0] == 429
        now += 86_400
        assert (await post(http, far))[0] == 200


async def test_refusals_by_name_as_faults_and_by_key(http: ClientSession) -> None:
    now = 1_796_083_200.0  # 2026-12-01
    fault = ["specified_usage_limit:n=1", "enforced_spend_limit_reached:after=1:n=1"]
    async with simulated("anthropic", fault=fault, clock=lambda: now) as far:
        status, body = await post(http, far)
        assert (status, body["error"]["message"][-24:]) == (400, "2027-01-01 at 00:00 UTC.")
        status, body = await post(http, far)
        assert (status, body["error"]["details"]["error_code"]) == (429, "enforced_spend_limit_reached")
        assert (await post(http, far))[0] == 200
        control = f"{far.origin}/_sim"
        async with http.put(f"{control}/keys", json={"refused": {"bad": "billing_error"}}) as response:
            assert response.status == 200
        assert (await post(http, far, key="bad"))[0] == 402
        async with http.put(f"{control}/keys", json={"refused": {"bad": "no such"}}) as response:
            assert response.status == 404
        async with http.get(f"{control}/refusals") as response:
            table = (await response.json())["refusals"]
        assert table["ramp_limit_exceeded"]["headers"] == {"retry-after": "20"}
        assert "retry-after" not in table["enforced_spend_limit_reached"]["headers"]
        assert far.counters["fault.specified_usage_limit"] == 1


async def test_the_ledger_has_no_keys(http: ClientSession) -> None:
    async with simulated("anthropic") as far:
        await post(http, far, user(), bot(USE), user([RESULT, text("go on")]), key="sk-ant-secret-1234")
        async with http.get(f"{far.origin}/_sim/requests") as response:
            raw = await response.text()
        [seen] = orjson.loads(raw)["requests"]
        assert "secret" not in raw
        assert (seen["key"], seen["status"], seen["ended"]) == ("…1234", 200, True)
        assert seen["headers"]["anthropic-version"] == NEW
        assert [(u["role"], u["text"], u["calls"], u["result_of"]) for u in seen["said"]] == [
            ("user", "hi", [], ""),
            ("assistant", "", ["toolu_1"], ""),
            ("tool", "3", [], "toolu_1"),
            ("user", "go on", [], ""),
        ]

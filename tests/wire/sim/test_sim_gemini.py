"""The Gemini simulator: checks, both spellings, streams, signatures, thoughts, blocks, embeddings."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from mindbot.sim.gemini.server import GeminiSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.quotas import QuotaRules
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\xff" * 20).decode()
TOOLS = [{"functionDeclarations": [{"name": "add"}, {"name": "now"}]}]
CALL = {"functionCall": {"name": "add", "args": {"a": 1}}}
RESPONSE = {"functionResponse": {"name": "add", "response": {"output": "3"}}}
TEXT = {"text": "hi"}


def user(*parts: Json) -> Json:
    return {"role": "user", "parts": list(parts) or [TEXT]}


def bot(*parts: Json) -> Json:
    return {"role": "model", "parts": list(parts)}


def blob(data: str = PNG, mime: str = "image/png") -> Json:
    return {"inlineData": {"mimeType": mime, "data": data}}


async def post(
    http: ClientSession,
    far: GeminiSimulator,
    *contents: Json,
    method: str = "generateContent",
    model: str = "sim-1",
    key: str = "k",
    body: Json | None = None,
    **more: Any,
) -> tuple[int, Any]:
    sent = body if body is not None else {"contents": list(contents) or [user()], **more}
    url = f"{far.base_url}/v1beta/models/{model}:{method}"
    async with http.post(url, json=sent, headers={"x-goog-api-key": key}) as response:
        return response.status, await response.json()


async def stream(http: ClientSession, far: GeminiSimulator, *contents: Json, **more: Any) -> list[Json]:
    url = f"{far.base_url}/v1beta/models/sim-1:streamGenerateContent?alt=sse"
    async with http.post(url, json={"contents": list(contents) or [user()], **more}) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        raw = await response.read()
    return [orjson.loads(event.removeprefix(b"data: ")) for event in raw.split(b"\r\n\r\n") if event]


@pytest.mark.parametrize(
    ("contents", "more", "said"),
    [
        ([], {"contents": []}, "contents is not specified"),
        ([{"role": "assistant", "parts": [TEXT]}], {}, "valid role: user, model"),
        ([{"role": "user", "parts": []}], {}, "parts must not be empty"),
        ([user({"text": "x", **blob()})], {}, "must have one initialized field"),
        ([user({"thought": True})], {}, "must have one initialized field"),
        ([user({"text": 5})], {}, "text' (TYPE_STRING), 5"),
        ([user({"image": "x"})], {}, "Unknown name \"image\" at 'contents[0].parts[0]'"),
        ([user(blob("no base64!"))], {}, "Base64 decoding failed"),
        ([user(blob(mime="application/x-thing"))], {}, "Unsupported MIME type"),
        ([user(blob(base64.b64encode(b"text").decode()))], {}, "Unable to process input image"),
        ([user(), bot(CALL)], {}, "number of function response parts"),
        ([user(), bot(CALL), user()], {}, "number of function response parts"),
        ([user(), bot(CALL), user(RESPONSE, RESPONSE)], {}, "number of function response parts"),
        ([user(RESPONSE)], {}, "immediately after a function call turn"),
        ([bot(CALL), user(RESPONSE)], {}, "immediately after a user turn"),
        ([user(CALL)], {}, "immediately after a user turn"),
        ([user(), bot({"functionCall": {"args": {}}})], {}, "Name cannot be empty"),
        ([user()], {"systemPrompt": "x"}, 'Unknown name "systemPrompt": Cannot find field'),
        ([user()], {"max_tokens": 5}, 'Unknown name "max_tokens"'),
        ([user()], {"generationConfig": {"max_tokens": 5}}, "at 'generation_config'"),
        ([user()], {"generationConfig": {"candidateCount": 2}}, "one candidate"),
        ([user()], {"generationConfig": {"maxOutputTokens": 0}}, "must be positive"),
        (
            [user()],
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": 5, "thinkingLevel": "LOW"}}},
            "only one of thinking budget and thinking level",
        ),
        ([user()], {"tools": [{"functionDeclarations": [{"name": "a b"}]}]}, "Invalid function name"),
        ([user()], {"tools": TOOLS + TOOLS}, "Duplicate function declaration"),
        (
            [user()],
            {"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"$schema": "x"}}]}]},
            'Unknown name "$schema"',
        ),
        (
            [user()],
            {"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"type": "thing"}}]}]},
            "Invalid value at",
        ),
        ([user()], {"toolConfig": {"functionCallingConfig": {"mode": "MUST"}}}, '"MUST"'),
        (
            [user()],
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            "without function_declarations",
        ),
        ([user({"text": "x" * 400})], {}, "input token count (104) exceeds the maximum number of tokens"),
    ],
)
async def test_what_is_refused(http: ClientSession, contents: list[Json], more: Json, said: str) -> None:
    async with simulated("gemini", context_tokens=50, signatures=False) as far:
        status, body = await post(http, far, *contents, **more)
    assert (status, body["error"]["code"], body["error"]["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert said in body["error"]["message"]


async def test_both_spellings_are_read(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        status, body = await post(
            http,
            far,
            user({"inline_data": {"mime_type": "image/png", "data": PNG.replace("/", "_")}}),
            system_instruction={"parts": [{"text": "Be short."}]},
            generation_config={"max_output_tokens": 3},
        )
        assert (status, body["candidates"][0]["finishReason"]) == (200, "MAX_TOKENS")
        assert body["candidates"][0]["content"]["parts"] == [{"text": "echo: [image"}]


async def test_where_the_key_stands(http: ClientSession) -> None:
    async with simulated("gemini", strict=True) as far:
        url, key = f"{far.base_url}/v1beta/models", far.settings.api_key
        for given, status, why in (
            ({"headers": {"x-goog-api-key": key}}, 200, ""),
            ({"params": {"key": key}}, 200, ""),
            ({"headers": {"x-goog-api-key": "wrong"}}, 400, "API_KEY_INVALID"),
            ({"headers": {"Authorization": f"Bearer {key}"}}, 401, "UNAUTHENTICATED"),
            ({}, 403, "unregistered callers"),
        ):
            async with http.get(url, **given) as response:
                assert (response.status, why in await response.text()) == (status, True)
        for model, method in (("gone", "generateContent"), ("sim-embedding-1", "generateContent")):
            status, body = await post(http, far, model=model, method=method, key=key)
            assert (status, "is not found for API version" in body["error"]["message"]) == (404, True)
        assert (await post(http, far, bot(TEXT), user(), key=key))[0] == 400
        assert (await post(http, far, user(), bot(TEXT), key=key))[0] == 400


async def test_a_stream_grows(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        far.script(Scripted("well then", [{"name": "add", "arguments": {"a": 1}}], cached=3))
        found = await stream(http, far, tools=TOOLS)
        parts = [each["candidates"][0]["content"]["parts"][0] for each in found]
        assert [part.get("text") for part in parts] == ["well", " the", "n", None, ""]
        assert parts[3]["functionCall"]["args"] == {"a": 1}
        counts = [each["usageMetadata"]["candidatesTokenCount"] for each in found]
        assert counts == [1, 2, 3, 5, 5]
        assert {each["usageMetadata"]["cachedContentTokenCount"] for each in found} == {3}
        assert [each["candidates"][0].get("finishReason") for each in found] == [None] * 4 + ["STOP"]


async def test_a_stream_as_an_array(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        status, found = await post(http, far, method="streamGenerateContent")
        assert status == 200
        texts = [each["candidates"][0]["content"]["parts"][0]["text"] for each in found]
        assert "".join(texts) == "echo: hi"
        status, found = await post(http, far, method="streamGenerateContent", model="sim-1", contents=[])
        assert (status, found[0]["error"]["code"]) == (400, 400)
    async with simulated("gemini", fault="error-in-stream:after=1:code=quota_per_minute") as far:
        status, found = await post(http, far, method="streamGenerateContent")
        assert (status, found[-1]["error"]["status"]) == (200, "RESOURCE_EXHAUSTED")


async def test_signatures_come_back_with_their_calls(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        _, body = await post(http, far, user({"text": 'call add({"a": 1})'}), tools=TOOLS)
        [part] = body["candidates"][0]["content"]["parts"]
        response = {"functionResponse": {**RESPONSE["functionResponse"], "id": part["functionCall"]["id"]}}
        assert (await post(http, far, user(), bot(part), user(response)))[0] == 200
        status, body = await post(http, far, user(), bot(CALL), user(RESPONSE))
        assert (status, "missing a thought_signature" in body["error"]["message"]) == (400, True)
        status, body = await post(
            http, far, user(), bot({**CALL, "thoughtSignature": "abcd"}), user(RESPONSE)
        )
        assert (status, body["error"]["message"]) == (400, "Corrupted thought signature.")
        # Earlier turns are not looked at.
        assert (await post(http, far, user(), bot(CALL), user(RESPONSE), bot(TEXT), user()))[0] == 200
        wrong = {"functionResponse": {**response["functionResponse"], "id": "another"}}
        assert (await post(http, far, user(), bot(part), user(wrong)))[0] == 400


async def test_thoughts_are_counted_and_shown_where_asked(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        config: Json = {"thinkingConfig": {"thinkingLevel": "LOW"}}
        _, hidden = await post(http, far, generationConfig=config)
        config["thinkingConfig"]["includeThoughts"] = True
        _, shown = await post(http, far, generationConfig=config)
        assert hidden["usageMetadata"] == shown["usageMetadata"]
        assert hidden["usageMetadata"]["thoughtsTokenCount"] == 5
        assert [p.get("thought") for p in shown["candidates"][0]["content"]["parts"]] == [True, None]
        assert [p.get("thought") for p in hidden["candidates"][0]["content"]["parts"]] == [None]
        streamed = await stream(http, far, generationConfig=config)
        assert streamed[-1]["usageMetadata"] == shown["usageMetadata"]


async def test_why_there_is_no_answer(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        far.script(
            Scripted(blocked="SAFETY"),
            Scripted(finish="SAFETY"),
            Scripted(tool_calls=[{"name": "add", "arguments": "{broken"}]),
            Scripted(finish="SOMETHING_NEW"),
        )
        status, body = await post(http, far)
        assert (status, body["promptFeedback"]["blockReason"]) == (200, "SAFETY")
        assert "candidates" not in body
        for reason in ("SAFETY", "MALFORMED_FUNCTION_CALL", "SOMETHING_NEW"):
            [candidate] = (await post(http, far))[1]["candidates"]
            assert (candidate["finishReason"], "content" in candidate) == (reason, False)


async def test_a_mode_of_calling(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        for mode, called in (("ANY", True), ("AUTO", False), ("NONE", False), ("VALIDATED", False)):
            config = {"functionCallingConfig": {"mode": mode}}
            _, body = await post(http, far, tools=TOOLS, toolConfig=config)
            assert ("functionCall" in body["candidates"][0]["content"]["parts"][0]) is called
        config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["now"]}}
        _, body = await post(http, far, tools=TOOLS, toolConfig=config)
        assert body["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "now"


async def test_embeddings_alone_and_in_batches(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        model, content = "sim-embedding-1", {"parts": [TEXT]}
        one = {"content": content, "taskType": "RETRIEVAL_QUERY"}
        _, alone = await post(http, far, model=model, method="embedContent", body=one)
        requests = [
            {"model": f"models/{model}", "content": content, "outputDimensionality": n} for n in (256, 8)
        ]
        _, both = await post(http, far, model=model, method="batchEmbedContents", body={"requests": requests})
        assert both["embeddings"][0] == alone["embedding"]
        assert len(both["embeddings"][1]["values"]) == 8
        for bad in (
            {"requests": []},
            {"requests": [{"content": content}]},
            {"requests": [{**requests[0], "content": {"parts": []}}]},
            {"requests": [{**requests[0], "taskType": "NONE"}]},
            {"requests": requests * 51},
        ):
            assert (await post(http, far, model=model, method="batchEmbedContents", body=bad))[0] == 400


async def test_tokens_of_a_whole_request_are_counted(http: ClientSession) -> None:
    async with simulated("gemini") as far:
        whole = {"model": "models/sim-1", "contents": [user()], "systemInstruction": {"parts": [TEXT]}}
        _, body = await post(http, far, method="countTokens", body={"generateContentRequest": whole})
        assert body["totalTokens"] == 10


async def test_quotas_name_what_is_used_up(http: ClientSession) -> None:
    now = 1_800_000_010.0
    rules = QuotaRules(requests_per_minute=1, requests_per_day=2)
    async with simulated("gemini", quotas=rules, clock=lambda: now) as far:
        assert (await post(http, far))[0] == 200
        status, body = await post(http, far)
        violations, retry = body["error"]["details"]
        assert status == 429
        assert violations["violations"][0]["quotaId"].startswith("GenerateRequestsPerMinute")
        assert retry["retryDelay"] == "50s"
        now += 60
        assert (await post(http, far))[0] == 200
        now += 60
        _, body = await post(http, far)
        assert "PerDay" in body["error"]["details"][0]["violations"][0]["quotaId"]


async def test_the_address_shows_no_key_in_the_ledger(http: ClientSession) -> None:
    async with simulated("gemini", fault="prepayment_depleted:n=1") as far:
        url = f"{far.base_url}/v1beta/models/sim-1:generateContent?key=AIza-secret-5678"
        async with http.post(url, json={"contents": [user()]}) as response:
            assert response.status == 402
        async with http.get(f"{far.origin}/_sim/requests") as response:
            raw = await response.text()
        [seen] = orjson.loads(raw)["requests"]
        assert "secret" not in raw
        assert (seen["key"], seen["status"]) == ("…5678", 402)

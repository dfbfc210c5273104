"""Services that speak OpenAI's wire in their own way: addresses, keys, fields."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatRequest,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from mindbot.domain.errors import SecretError
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.providers.chatglm import ChatGLMProvider
from mindbot.providers.openai import OpenAIProvider
from mindbot.providers.wires.openai_faces import FACES, GLM, OPENAI, face_of
from mindbot.providers.wires.openai_request import request_body

PNG = base64.b64decode("iVBORw0KGgo=")


def body_of(request: ChatRequest, kind: str) -> Json:
    return request_body(request, FACES[kind].accent)


def ask(text: str = "hello", **more: Any) -> ChatRequest:
    return ChatRequest([ChatMessage("user", text)], model="m", **more)


@pytest.mark.parametrize(
    ("kind", "base_url", "face"),
    [
        ("openai", "", "openai"),
        ("openai", "https://api.deepseek.com", "deepseek"),
        ("openai", "https://open.bigmodel.cn/api/paas/v4/", "chatglm"),
        ("openai", "https://api.z.ai/api/coding/paas/v4", "chatglm"),
        ("vllm", "https://acme.openai.azure.com/openai/v1", "azure"),
        ("moonshot", "http://127.0.0.1:8080/v1", "moonshot"),
        ("openai", "https://notopenrouter.ai/v1", "openai"),
        ("openai", "http://127.0.0.1:8080/v1", "openai"),
        ("", "https://openrouter.ai/api/v1", "openrouter"),
    ],
)
def test_a_service_is_known_by_its_type_or_its_host(kind: str, base_url: str, face: str) -> None:
    assert face_of(kind, base_url) is FACES[face]


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (
            "https://acme.openai.azure.com",
            "https://acme.openai.azure.com/openai/deployments/gpt%2F4/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://acme.openai.azure.com/openai/",
            "https://acme.openai.azure.com/openai/deployments/gpt%2F4/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://acme.openai.azure.com/openai/deployments/mine?api-version=2025-01-01-preview",
            "https://acme.openai.azure.com/openai/deployments/mine/chat/completions"
            "?api-version=2025-01-01-preview",
        ),
        (
            "https://acme.openai.azure.com/openai/v1/",
            "https://acme.openai.azure.com/openai/v1/chat/completions",
        ),
    ],
)
def test_azure_names_the_deployment_and_the_version(base_url: str, url: str) -> None:
    assert FACES["azure"].url(base_url, "/chat/completions", "gpt/4", "") == url


def test_azure_takes_its_key_in_a_header_of_its_own() -> None:
    assert FACES["azure"].auth("k") == {"api-key": "k"}
    assert OPENAI.auth("k") == {"Authorization": "Bearer k"}


def test_openrouter_tells_what_a_call_costs() -> None:
    assert body_of(ask(), "openrouter")["usage"] == {"include": True}
    assert "usage" not in body_of(ask(), "openai")


@pytest.mark.parametrize("kind", ["deepseek", "moonshot", "chatglm"])
def test_thinking_goes_back_with_the_calls_it_led_to_and_to_its_vendor_alone(kind: str) -> None:
    call = ToolCall("c1", "f")
    lines = [
        ChatMessage("user", "q"),
        ChatMessage("assistant", [Reasoning("mine", vendor=kind), Reasoning("theirs", vendor="x"), call]),
        ChatMessage("tool", [ToolResult("c1", "f", "1")]),
        ChatMessage("assistant", [Reasoning("mine too", vendor=kind), Text("so it is")]),
    ]
    sent = body_of(ChatRequest(lines, model="m"), kind)["messages"]
    assert [line.get("reasoning_content") for line in sent] == [None, "mine", None, None]


def test_moonshots_temperature_ends_at_1() -> None:
    assert body_of(ask(temperature=1.5), "moonshot")["temperature"] == 1.0


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (0.0, {"temperature": 0.01, "do_sample": False}),
        (0.7, {"temperature": 0.7}),
        (1.0, {"temperature": 0.99}),
        (2.0, {"temperature": 0.99}),
    ],
)
def test_glms_temperature_lies_between_0_and_1(wanted: float, sent: Json) -> None:
    body = body_of(ask(temperature=wanted), "chatglm")
    assert {name: body[name] for name in ("temperature", "do_sample") if name in body} == sent


def test_glm_takes_bare_pictures_and_chooses_its_tools_itself() -> None:
    picture = Attachment("image", "image/png", data=PNG)
    request = ChatRequest([ChatMessage("user", [Text("what?"), picture])], model="glm-4.6v", stream=True)
    request.tools, request.tool_choice, request.user = (Tool("f"),), "required", "u1"
    body = request_body(request, GLM.accent)
    assert body["messages"][0]["content"][1]["image_url"]["url"] == base64.b64encode(PNG).decode()
    assert not {"tool_choice", "stream_options", "user"} & body.keys()
    assert body["user_id"] == "u1____"
    assert len(body_of(ask(user="u" * 500), "chatglm")["user_id"]) == 128
    request.tool_choice = "none"
    assert "tools" not in request_body(request, GLM.accent)


@pytest.mark.anyio
async def test_glm_thinks_when_it_is_told() -> None:
    async with HttpClient() as http:
        for thinking, sent in ((None, None), (True, {"type": "enabled"}), (False, {"type": "disabled"})):
            provider = ChatGLMProvider("glm", http=http, thinking=thinking)
            assert provider.call(ask()).body.get("thinking") == sent


@pytest.mark.anyio
async def test_glms_token_is_signed_and_used_for_three_minutes() -> None:
    now = 1_700_000_000.0
    async with HttpClient() as http:
        provider = ChatGLMProvider("glm", http=http, jwt=True, clock=lambda: now)
        first = await provider.auth("id.secret")
        now += 179
        assert await provider.auth("id.secret") == first
        now += 2
        second = await provider.auth("id.secret")
        assert second != first
        with pytest.raises(SecretError, match=r"id\.secret"):
            await provider.auth("no-dot")
    import hashlib
    import hmac

    import orjson

    head, claims, signature = first["Authorization"].removeprefix("Bearer ").split(".")
    assert orjson.loads(decoded(head)) == {"alg": "HS256", "sign_type": "SIGN"}
    assert orjson.loads(decoded(claims)) == {
        "api_key": "id",
        "exp": 1_700_000_210_000,
        "timestamp": 1_700_000_000_000,
    }
    assert decoded(signature) == hmac.digest(b"secret", f"{head}.{claims}".encode(), hashlib.sha256)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.anyio
async def test_the_version_and_the_home_of_an_entry() -> None:
    from mindbot.providers.settings.openai import AzureSettings, CloudSettings

    class NoSecrets:
        async def aget(self, value: object, /) -> str:
            return ""

    async with HttpClient() as http:
        azure = AzureSettings.model_validate(
            {"type": "azure", "base_url": "https://a.openai.azure.com", "api_key": "k", "api_version": "v9"}
        )
        provider = OpenAIProvider.build("work", azure, http, NoSecrets())
        assert provider.call(ask()).url.endswith("/openai/deployments/m/chat/completions?api-version=v9")
        deepseek = CloudSettings.model_validate({"api_key": "k"})
        provider = OpenAIProvider.build("deepseek", deepseek, http, NoSecrets())
        assert provider.call(ask(max_tokens=9)).url == "https://api.deepseek.com/v1/chat/completions"
        assert provider.call(ask(max_tokens=9)).body["max_tokens"] == 9

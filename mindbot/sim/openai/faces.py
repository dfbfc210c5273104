"""Vendors and servers that speak OpenAI's wire in their own ways: what each does differently, as data.

Sources: OpenRouter "API Errors", "Streaming", "Reasoning tokens", "Usage accounting"; DeepSeek "Error Codes",
"Rate Limit", "Thinking Mode"; SiliconFlow "Error Handling", "Create chat completion"; Moonshot "Errors",
"Chat"; Azure OpenAI "REST API reference", "Content filtering"; vLLM "OpenAI-compatible server"; llama.cpp,
tools/server/README; Ollama, docs/openai.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelReply

#: Where the usage of a streamed answer stands: in a chunk without choices, when it was asked for or always;
#: in the chunk with the finish reason; inside that chunk's choice; in every chunk.
UsagePlace = Literal["asked", "always", "finish", "choice", "chunks"]

_A_TOKEN = 0.000002  # US dollars
_SAFE = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": False, "severity": "safe"}}
_CAUGHT = {"hate": {"filtered": True, "severity": "high"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedFace:
    """One of them.

    ``shape`` is how an error is written, ``words`` are errors by their name at OpenAI that come with another
    status or body. ``reasoning`` are the fields that hold it. ``comment`` is a line of a stream's beginning,
    ``first`` the chunk it begins with. ``chunk`` stands in every chunk and answer, ``choice`` in each choice.
    ``spent`` are more fields of the usage, ``told`` of what has the usage. ``done``: a stream that fails ends
    in its marker all the same.
    """

    shape: Literal["openai", "plain", "coded", "flat", "numbered", "llama", "code_text"] = "openai"
    words: Mapping[str, tuple[int, object]] = field(default_factory=dict)
    root: str = "/v1"
    key_header: str = "Authorization"
    needs_key: bool = True
    reasoning: tuple[str, ...] = ("reasoning_content",)
    usage: UsagePlace = "asked"
    comment: bytes = b""
    first: Json | None = None
    chunk: Json = field(default_factory=dict)
    choice: Json = field(default_factory=dict)
    spent: Callable[[ModelReply], Json] = lambda reply: {}
    told: Callable[[ModelReply], Json] = lambda reply: {}
    rate_headers: bool = False
    done: bool = False


def _openrouter(code: int, message: str, **metadata: object) -> tuple[int, object]:
    more = {"metadata": metadata} if metadata else {}
    return code, {"error": {"message": message, "code": code, **more}, "user_id": "user_simulated"}


def _typed(status: int, type_: str, message: str) -> tuple[int, object]:
    return status, {"error": {"message": message, "type": type_}}


def _deepseek(status: int, type_: str, message: str) -> tuple[int, object]:
    code = "invalid_request_error"
    return status, {"error": {"message": message, "type": type_, "param": None, "code": code}}


def _flat(status: int, code: int, message: str) -> tuple[int, object]:
    return status, {"code": code, "message": message, "data": None}


def _azure(http: int, code: str, message: str, **more: object) -> tuple[int, object]:
    return http, {"error": {"code": code, "message": message, **more}}


def _numbered(code: int, type_: str, message: str, **more: object) -> tuple[int, object]:
    return code, {"error": {"code": code, "message": message, "type": type_, **more}}


def _vllm(code: int, type_: str, message: str, param: str | None = None) -> tuple[int, object]:
    return code, {"error": {"message": message, "type": type_, "param": param, "code": code}}


def _cost(reply: ModelReply) -> Json:
    price = (reply.prompt_tokens + reply.tokens) * _A_TOKEN
    return {"cost": round(price, 9), "cost_details": {"upstream_inference_cost": None}}


def _cache(reply: ModelReply) -> Json:
    missed = reply.prompt_tokens - reply.cached
    return {"prompt_cache_hit_tokens": reply.cached, "prompt_cache_miss_tokens": missed}


def _timings(reply: ModelReply) -> Json:
    told = {"prompt_n": reply.prompt_tokens, "prompt_ms": 10.0, "predicted_n": reply.tokens}
    return {"timings": {**told, "cache_n": reply.cached, "predicted_ms": 20.0, "predicted_per_second": 50.0}}


_OPENROUTER = SimulatedFace(
    shape="coded",
    root="/api/v1",
    reasoning=("reasoning", "reasoning_details"),
    usage="always",
    comment=b": OPENROUTER PROCESSING\n\n",
    chunk={"provider": "Simulated"},
    choice={"native_finish_reason": None},
    spent=_cost,
    words={
        "invalid_api_key": _openrouter(401, "No auth credentials found"),
        "insufficient_quota": _openrouter(
            402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits"
        ),
        "rate_limit_exceeded": _openrouter(
            429, "Rate limit exceeded: free-models-per-min.", headers={"X-RateLimit-Limit": "20"}
        ),
        "content_filter": _openrouter(
            403,
            "Your chosen model requires moderation and your input was flagged",
            reasons=["violence"],
            flagged_input="…",
            provider_name="Simulated",
        ),
        "model_not_found": _openrouter(400, "simulated is not a valid model ID"),
        "server_error": _openrouter(
            502, "Provider returned error", provider_name="Simulated", raw="Bad Gateway"
        ),
        "overloaded": _openrouter(
            503, "There is no available model provider that meets your routing requirements"
        ),
    },
)
_DEEPSEEK = SimulatedFace(
    root="",
    usage="finish",
    spent=_cache,
    comment=b": keep-alive\n\n",
    words={
        "invalid_api_key": _deepseek(
            401, "authentication_error", "Authentication Fails, Your api key: ****ated is invalid"
        ),
        "insufficient_quota": _deepseek(402, "unknown_error", "Insufficient Balance"),
        "model_not_found": _deepseek(400, "invalid_request_error", "Model Not Exist"),
        "content_filter": _deepseek(400, "invalid_request_error", "Content Exists Risk"),
        "rate_limit_exceeded": _deepseek(429, "rate_limit_error", "Rate limit reached"),
        "overloaded": _deepseek(503, "service_unavailable_error", "Service is too busy"),
    },
)
_SILICONFLOW = SimulatedFace(
    shape="flat",
    usage="chunks",
    words={
        "invalid_api_key": (401, "Invalid token"),  # a JSON text, no object
        "insufficient_quota": _flat(403, 30001, "Sorry, your account balance is insufficient"),
        "model_not_found": _flat(400, 20012, "Model does not exist. Please check it carefully."),
        "context_length_exceeded": _flat(413, 20041, "length of prompt_tokens exceeds max_seq_len"),
        "rate_limit_exceeded": _flat(
            429, 50603, "Request was rejected due to rate limiting. Details:RPM limit reached."
        ),
        "tokens_exceeded": _flat(
            429, 50603, "Request was rejected due to rate limiting. Details:TPM limit reached."
        ),
        "overloaded": _flat(503, 50505, "Model service overloaded. Please try again later."),
    },
)
_MOONSHOT = SimulatedFace(
    shape="plain",
    usage="choice",
    spent=lambda reply: {"cached_tokens": reply.cached},
    words={
        "invalid_api_key": _typed(401, "invalid_authentication_error", "Invalid Authentication"),
        "insufficient_quota": _typed(
            429,
            "exceeded_current_quota_error",
            "Your account is suspended, please check your plan and billing details",
        ),
        "content_filter": _typed(
            400, "content_filter", "The request was rejected because it was considered high risk"
        ),
        "context_length_exceeded": _typed(
            400, "invalid_request_error", "Invalid request: Your request exceeded model token limit: 8192"
        ),
        "model_not_found": _typed(
            404, "resource_not_found_error", "Not found the model simulated or Permission denied"
        ),
        "rate_limit_exceeded": _typed(
            429,
            "rate_limit_reached_error",
            "Your account request reached max RPM: 3, please try again after 1 seconds",
        ),
        "overloaded": _typed(
            429, "engine_overloaded_error", "The engine is currently overloaded, please try again later"
        ),
    },
)
_AZURE = SimulatedFace(
    shape="code_text",
    root="/openai",
    key_header="api-key",
    reasoning=(),
    first={"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}]},
    choice={"content_filter_results": {}},
    rate_headers=True,
    words={
        "invalid_api_key": _azure(
            401,
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a"
            " valid key for an active subscription and use a correct regional API endpoint for your"
            " resource.",
        ),
        "model_not_found": _azure(
            404,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment within the"
            " last 5 minutes, please wait a moment and try again.",
        ),
        "rate_limit_exceeded": _azure(
            429,
            "429",
            "Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current"
            " pricing tier. Please retry after 6 seconds.",
        ),
        "content_filter": _azure(
            400,
            "content_filter",
            "The response was filtered due to the prompt triggering Azure OpenAI's content management"
            " policy.",
            param="prompt",
            type=None,
            status=400,
            innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": _CAUGHT},
        ),
    },
)
_VLLM = SimulatedFace(
    shape="numbered",
    needs_key=False,
    reasoning=("reasoning",),
    done=True,
    words={
        "invalid_api_key": (401, {"error": "Unauthorized"}),
        "model_not_found": _vllm(404, "NotFoundError", "The model `simulated` does not exist."),
        "context_length_exceeded": _vllm(
            400,
            "BadRequestError",
            "You passed 9000 input tokens and requested 0 output tokens. However, the model's context length"
            " is only 8192 tokens. Please reduce the length of the input messages.",
            "input_tokens",
        ),
        "server_error": _vllm(500, "InternalServerError", "EngineCore encountered an issue."),
    },
)
_LLAMACPP = SimulatedFace(
    shape="llama",
    needs_key=False,
    told=_timings,
    words={
        "invalid_api_key": _numbered(401, "authentication_error", "Invalid API Key"),
        "context_length_exceeded": _numbered(
            400,
            "exceed_context_size_error",
            "the request exceeds the available context size, try increasing it",
            n_prompt_tokens=9000,
            n_ctx=8192,
        ),
        "overloaded": _numbered(503, "unavailable_error", "Loading model"),
        "server_error": _numbered(500, "server_error", "Failed to parse messages"),
    },
)
_OLLAMA = SimulatedFace(
    needs_key=False,
    reasoning=("reasoning",),
    words={
        "model_not_found": (
            404,
            {"error": {"message": "model 'sim' not found", "type": "not_found_error"}},
        ),
        "overloaded": (
            503,
            {
                "error": {
                    "message": "server busy, please try again.  maximum pending requests exceeded",
                    "type": "api_error",
                    "param": None,
                    "code": None,
                }
            },
        ),
    },
)
FACES: Mapping[str, SimulatedFace] = {
    "openai": SimulatedFace(rate_headers=True),
    "openrouter": _OPENROUTER,
    "deepseek": _DEEPSEEK,
    "siliconflow": _SILICONFLOW,
    "moonshot": _MOONSHOT,
    "azure": _AZURE,
    "vllm": _VLLM,
    "llamacpp": _LLAMACPP,
    "ollama": _OLLAMA,
}

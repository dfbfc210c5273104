"""What a vendor's refusal means, by the shapes their references give."""

from __future__ import annotations

import json
from email.utils import formatdate

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    HistoryRefused,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.http.retry import retry_after
from mindbot.providers.errors import refusal, refusal_in_stream


def openai(code: str | None, type_: str = "invalid_request_error", message: str = "Said so.") -> dict:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


def anthropic(type_: str, message: str = "Said so.") -> dict:
    return {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str = "Said so.", *details: dict) -> dict:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def glm(code: str) -> dict:
    return {"error": {"code": code, "message": "说明"}}


def mistral(code: str, type_: str) -> dict:
    return {"object": "error", "message": "Said so.", "type": type_, "param": None, "code": code}


def dify(status: int, code: str) -> dict:
    return {"code": code, "message": "Said so.", "status": status}


def anthropic_in_detail(code: str) -> dict:
    error = {"type": "rate_limit_error", "message": "Said so.", "details": {"error_code": code}}
    return {"type": "error", "error": error}


WAIT = {"retryDelay": "46s"}
RAW = '{"error": {"message": "behind", "code": "context_length_exceeded"}}'
PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}],
}
LONG_LLAMA = {
    "error": {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_ctx": 4096}
}
LONG_VLLM = {
    "object": "error",
    "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
    "type": "BadRequestError",
    "param": None,
    "code": 400,
}
LONG_VLLM_NEW = openai(
    None, "BadRequestError", "However, the model's context length is only 4096 tokens. Please reduce"
)

TABLE: list[tuple[int, object, type[VendorError]]] = [
    # OpenAI and Azure
    (400, openai("context_length_exceeded"), ContextOverflow),
    (400, openai("unsupported_parameter"), Rejected),
    (400, openai(None), Rejected),
    (400, openai("content_filter"), ContentFiltered),
    (400, openai("content_policy_violation", "image_generation_user_error"), ContentFiltered),
    (401, openai("invalid_api_key"), AuthFailed),
    (403, openai("unsupported_country_region_territory", "request_forbidden"), AuthFailed),
    (404, openai("model_not_found"), Rejected),
    (408, openai(None, "timeout"), Overloaded),
    (409, openai(None), Overloaded),
    (429, openai("rate_limit_exceeded", "requests"), RateLimited),
    (429, openai("rate_limit_exceeded", "tokens"), RateLimited),
    (429, openai("insufficient_quota", "insufficient_quota"), QuotaExceeded),
    (500, openai(None, "server_error"), Overloaded),
    (503, openai(None, "server_error"), Overloaded),
    (429, openai("project_spend_limit_exceeded", "requests"), QuotaExceeded),
    (429, openai("credit_balance_exhausted", "insufficient_quota"), QuotaExceeded),
    (400, openai("invalid_prompt"), ContentFiltered),
    (400, {"error": {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, ContentFiltered),
    (404, openai(None, "api_error", "no such model"), Rejected),
    # Anthropic
    (400, anthropic("invalid_request_error"), Rejected),
    (400, anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), ContextOverflow),
    (400, anthropic("invalid_request_error", "Your credit balance is too low to access"), QuotaExceeded),
    (401, anthropic("authentication_error"), AuthFailed),
    (402, anthropic("billing_error"), QuotaExceeded),
    (403, anthropic("permission_error"), AuthFailed),
    (404, anthropic("not_found_error"), Rejected),
    (409, anthropic("conflict_error"), Overloaded),
    (413, anthropic("request_too_large"), ContextOverflow),
    (
        400,
        anthropic("invalid_request_error", "You have reached your specified API usage limits."),
        QuotaExceeded,
    ),
    (429, anthropic_in_detail("enforced_spend_limit_reached"), QuotaExceeded),
    (429, anthropic_in_detail("contract_spend_limit_reached"), QuotaExceeded),
    (429, anthropic_in_detail("ramp_limit_exceeded"), RateLimited),
    (429, anthropic("rate_limit_error"), RateLimited),
    (429, anthropic("rate_limit_error", "You have reached your specified spend limit"), QuotaExceeded),
    (500, anthropic("api_error"), Overloaded),
    (529, anthropic("overloaded_error"), Overloaded),
    # Google
    (400, google(400, "INVALID_ARGUMENT"), Rejected),
    (400, google(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}), AuthFailed),
    (400, google(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum"), ContextOverflow),
    (403, google(403, "PERMISSION_DENIED"), AuthFailed),
    (429, google(429, "RESOURCE_EXHAUSTED", "wait", {"retryDelay": "46s"}), RateLimited),
    (429, google(429, "RESOURCE_EXHAUSTED", "over", PER_DAY), QuotaExceeded),
    (429, google(429, "RESOURCE_EXHAUSTED", "quota, limit: 0"), QuotaExceeded),
    (503, [google(503, "UNAVAILABLE")], Overloaded),
    (504, google(504, "DEADLINE_EXCEEDED"), Overloaded),
    (429, google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), QuotaExceeded),
    (429, google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", WAIT), RateLimited),
    # Moonshot, DeepSeek, SiliconFlow, MiniMax
    (429, openai(None, "exceeded_current_quota_error", "suspended"), QuotaExceeded),
    (429, openai(None, "engine_overloaded_error"), Overloaded),
    (429, openai(None, "rate_limit_reached_error"), RateLimited),
    (401, openai(None, "invalid_authentication_error"), AuthFailed),
    (400, openai(None, message="Your request exceeded model token limit: 4096"), ContextOverflow),
    (402, openai("invalid_request_error", "unknown_error", "Insufficient Balance"), QuotaExceeded),
    (400, openai("invalid_request_error", message="Content Exists Risk"), ContentFiltered),
    (403, {"code": 30001, "message": "the balance is insufficient", "data": None}, QuotaExceeded),
    (413, {"code": 20041, "message": "too many", "data": None}, ContextOverflow),
    (503, {"code": 50505, "message": "Model service overloaded.", "data": None}, Overloaded),
    (403, {"code": 1, "message": "Request was rejected due to RPM limit"}, RateLimited),
    (200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, QuotaExceeded),
    (200, {"base_resp": {"status_code": 1004, "status_msg": "who are you"}}, AuthFailed),
    (200, {"base_resp": {"status_code": 1002, "status_msg": "slowly"}}, RateLimited),
    # Model Studio, Ark
    (400, openai("Arrearage", "Arrearage"), QuotaExceeded),
    (403, openai("AllocationQuota.FreeTierOnly"), QuotaExceeded),
    (400, openai("data_inspection_failed"), ContentFiltered),
    (400, openai("DataInspectionFailed"), ContentFiltered),
    (429, openai("Throttling.RateQuota"), RateLimited),
    (400, openai(None, message="Range of input length should be [1, 6000]"), ContextOverflow),
    (403, openai("AccountOverdueError"), QuotaExceeded),
    (429, openai("ServerOverloaded", "TooManyRequests"), Overloaded),
    (429, openai("SetLimitExceeded", "TooManyRequests"), QuotaExceeded),
    (400, openai("SensitiveContentDetected.Violence"), ContentFiltered),
    (404, openai("InvalidEndpointOrModel.NotFound"), Rejected),
    # OpenRouter, one-api, new-api
    (402, {"error": {"code": 402, "message": "Insufficient credits"}}, QuotaExceeded),
    (403, {"error": {"code": 403, "message": "no", "metadata": {"reasons": ["x"]}}}, ContentFiltered),
    (403, {"error": {"code": 403, "message": "Key limit exceeded (total limit)."}}, QuotaExceeded),
    (429, {"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-day."}}, QuotaExceeded),
    (429, {"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-min."}}, RateLimited),
    (400, {"error": {"code": 400, "message": "p", "metadata": {"raw": RAW}}}, ContextOverflow),
    (403, openai("insufficient_user_quota", "new_api_error"), QuotaExceeded),
    (403, openai(None, "one_api_error", "该令牌额度已用尽"), QuotaExceeded),
    (401, openai(None, "one_api_error", "无效的令牌"), AuthFailed),
    (429, openai(None, "one_api_error", "当前分组上游负载已饱和，请稍后再试"), Overloaded),
    (503, openai("model_not_found", "new_api_error", "无可用渠道"), Rejected),
    (400, openai("sensitive_words_detected", "new_api_error"), ContentFiltered),
    (429, openai(None, message=json.dumps(google(429, "RESOURCE_EXHAUSTED", "limit: 0"))), QuotaExceeded),
    # GLM
    (401, glm("1002"), AuthFailed),
    (429, glm("1113"), QuotaExceeded),
    (429, glm("1302"), RateLimited),
    (429, glm("1304"), QuotaExceeded),
    (429, glm("1305"), RateLimited),
    (429, glm("1310"), QuotaExceeded),
    (400, glm("1211"), Rejected),
    (400, glm("1261"), ContextOverflow),
    (400, glm("1301"), ContentFiltered),
    (434, glm("1221"), Rejected),
    (500, glm("1234"), Overloaded),
    # Dify
    (400, dify(400, "invalid_param"), Rejected),
    (400, dify(400, "provider_quota_exceeded"), QuotaExceeded),
    (400, dify(400, "completion_request_error"), Overloaded),
    (401, dify(401, "unauthorized"), AuthFailed),
    (404, dify(404, "not_found"), Rejected),
    (429, dify(429, "too_many_requests"), RateLimited),
    (429, dify(429, "rate_limit_error"), QuotaExceeded),
    (500, dify(500, "internal_server_error"), Overloaded),
    # Ollama, llama.cpp, vLLM
    (404, {"error": "model 'x' not found, try pulling it first"}, Rejected),
    (503, {"error": "server busy, please try again.  maximum pending requests exceeded"}, RateLimited),
    (400, {"error": "input length exceeds the context length"}, ContextOverflow),
    (400, LONG_LLAMA, ContextOverflow),
    (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, Overloaded),
    (400, LONG_VLLM, ContextOverflow),
    (400, LONG_VLLM_NEW, ContextOverflow),
    (400, {"object": "error", "message": "The prompt is longer than the model's context."}, ContextOverflow),
    (400, {"error": "The number of tokens to keep from the initial prompt is greater"}, ContextOverflow),
    (404, {"error": "No models loaded."}, Rejected),
    # Mistral, whose numbers are GLM's too, and others with numbers
    (429, mistral("1300", "rate_limited"), RateLimited),
    (429, mistral("3505", "service_tier_capacity_exceeded"), RateLimited),
    (503, mistral("1000", "internal_server_error"), Overloaded),
    (400, mistral("1301", "invalid_request_error"), Rejected),
    (429, openai("1300", "rate_limited"), RateLimited),
    (502, openai("1000", "internal"), Overloaded),
    (401, glm("1000"), AuthFailed),
    (429, glm("1112"), AuthFailed),
    (400, glm("1300"), ContentFiltered),
    (400, {"error": {"message": orjson.dumps(glm("1301")).decode()}}, ContentFiltered),
    (400, {"error": {"code": 30001, "message": "Said so."}}, Rejected),
    (429, {"object": "error", "message": "Said so.", "type": "RateLimitError", "code": 429}, RateLimited),
    (429, {"message": "Said so.", "type": "rate_limit_error", "code": "rate_limit_error"}, RateLimited),
    (403, openai("account_overdue"), QuotaExceeded),
    (429, openai(None, "requests", "Too fast. Limit: 0.5 / min."), RateLimited),
    (429, openai(None, "requests", "Nothing left. Limit: 0"), QuotaExceeded),
    # xAI: a sentence as code, a sentence as error
    (
        400,
        {"code": "Not what we take", "error": "This model's maximum prompt length is 9000, not 9001."},
        ContextOverflow,
    ),
    (403, {"code": 30001, "error": "Said so."}, QuotaExceeded),
    (429, {"code": "insufficient_quota", "error": "Said so."}, QuotaExceeded),
    # templates and models that want the roles in turns, the user first, and no empty lines
    (
        400,
        openai(None, "BadRequestError", "Conversation roles must alternate user/assistant/…"),
        HistoryRefused,
    ),
    (
        500,
        openai(None, "server_error", "Jinja Exception: roles must alternate user/assistant"),
        HistoryRefused,
    ),
    (400, openai(None, message="After the optional system message, roles must alternate"), HistoryRefused),
    (
        400,
        openai(None, message="deepseek-reasoner does not support successive user messages"),
        HistoryRefused,
    ),
    (400, openai(None, message="The first message (except the system one) must be a user's"), HistoryRefused),
    (400, openai(None, message="A conversation must start with a user message."), HistoryRefused),
    (400, anthropic("invalid_request_error", "messages: text must be non-empty"), HistoryRefused),
    (400, openai(None, message="message content must not be empty"), HistoryRefused),
    # proxies and frameworks
    (502, b"<html>Bad Gateway</html>", Overloaded),
    (503, b"", Overloaded),
    (429, b"", RateLimited),
    (401, b"no", AuthFailed),
    (418, b"", Rejected),
    (302, b"", Rejected),
    (413, b"<html>Request Entity Too Large</html>", ContextOverflow),
    (403, b"<!doctype html><title>Just a moment</title>", Overloaded),
    (404, b"<html>Not Found</html>", Rejected),
    (503, b"upstream connect error", Overloaded),
    (400, b"[" * 900 + b"]" * 900, Rejected),
    (400, b'{"error":{"details":[{"violations":' + b"[" * 900 + b"]" * 900 + b"}]}}", Rejected),
    (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, Rejected),
    (400, "just text", Rejected),
    (500, 7, Overloaded),
    (500, {"error": None}, Overloaded),
]


@pytest.mark.parametrize(("status", "body", "expected"), TABLE)
def test_refusals(status: int, body: object, expected: type[VendorError]) -> None:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    error = refusal("acme", status, raw, {})
    assert type(error) is expected
    assert error.message.startswith("acme: ")


ECHO = "word " * 20_000


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":{"message":"of this: \xe4\xbd","code":"data_inspection_failed"}}', ContentFiltered),
        (429, b'{"error":{"message":"half \\ud83d","type":"insufficient_quota"}}', QuotaExceeded),
        (400, b'{"error":{"message":"a\nline","code":"context_length_exceeded"}}', ContextOverflow),
        (400, orjson.dumps({"error": {"code": "context_length_exceeded", "input": ECHO}}), ContextOverflow),
        (400, orjson.dumps({"error": {"code": "1301", "input": ECHO}}), ContentFiltered),
        (403, orjson.dumps({"code": 30001, "input": [{"code": "invalid_api_key"}, ECHO]}), QuotaExceeded),
        (400, orjson.dumps({"error": {"message": "the prompt is too long: " + ECHO}}), ContextOverflow),
        (
            400,
            orjson.dumps({"error": {"type": "x", "input": '"code":"insufficient_quota"' + ECHO}}),
            Rejected,
        ),
        (429, b'{"error":{"code":"insufficient_quota","mess', QuotaExceeded),
    ],
)
def test_a_refusal_that_is_broken_or_of_which_the_beginning_was_read(
    status: int, body: bytes, expected: type[VendorError]
) -> None:
    assert type(refusal("acme", status, body, {})) is expected


def test_refusals_within_refusals_come_to_an_end() -> None:
    body: dict = {"message": "at last", "code": "insufficient_quota"}
    for _ in range(3):
        body = {"message": body}
    assert type(refusal("acme", 400, orjson.dumps(body), {})) is QuotaExceeded
    for _ in range(80):
        body = {"message": body}
    assert type(refusal("acme", 400, orjson.dumps(body), {})) is Rejected


@given(st.binary(max_size=60) | st.text('{}[]":,\\code1typemsgloc \n', max_size=60).map(str.encode))
def test_any_refusal_is_a_vendor_error(body: bytes) -> None:
    assert isinstance(refusal("acme", 400, body, {}), VendorError)
    assert isinstance(refusal("acme", 429, b'{"error":{"code":' + body, {}), VendorError)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (openai(None, "server_error"), Overloaded),
        (openai("context_length_exceeded"), ContextOverflow),
        (openai(None), Rejected),
        ({"error": {"message": "too many", "code": 429}}, RateLimited),
        ({"error": {"message": "bad", "type": "BadRequestError", "code": 400}}, Rejected),
        (LONG_LLAMA, ContextOverflow),
        (glm("1302"), RateLimited),
        (anthropic("overloaded_error"), Overloaded),
        (dify(403, "forbidden"), AuthFailed),
        ({"code": 4000, "msg": "bad parameter"}, Rejected),
        ({"code": 5000, "msg": "internal"}, Overloaded),
        ({"code": 4100, "msg": "token"}, AuthFailed),
        ({"error": "unexpected end of model output"}, Overloaded),
        ({"hello": "world"}, Overloaded),
        (None, Overloaded),
    ],
)
def test_refusals_that_come_with_http_200(error: object, expected: type[VendorError]) -> None:
    assert type(refusal_in_stream("acme", error)) is expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({"retry-after": formatdate(1_000_012, usegmt=True)}, 12.0),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=1_000_000.0) == seconds


@given(st.text(st.sampled_from("0123456789:+-, JanMoGT"), max_size=40))
def test_any_header_is_a_wait_or_none(value: str) -> None:
    assert (retry_after({"retry-after": value}, now=0.0) or 0.0) >= 0


def test_the_wait_comes_from_the_header_the_body_or_a_guess() -> None:
    google_body = orjson.dumps(google(429, "RESOURCE_EXHAUSTED", "wait", {"retryDelay": "46s"}))
    waits = [
        refusal("acme", 429, google_body, {"retry-after": "3"}),
        refusal("acme", 429, google_body, {}),
        refusal("acme", 429, b"", {}),
    ]
    assert [e.retry_after for e in waits if isinstance(e, RateLimited)] == [3.0, 46.0, 1.0]


def test_the_vendor_may_not_echo_the_key_or_talk_without_end() -> None:
    body = orjson.dumps(openai("invalid_api_key", message="Wrong key sk-very-secret! " + "blah " * 500))
    error = refusal("acme", 401, body, {}, hide="sk-very-secret")
    assert "sk-very-secret" not in str(error)
    assert "Wrong key ***!" in str(error)
    assert len(str(error)) < 450
    assert error.code == "invalid_api_key"

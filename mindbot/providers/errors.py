"""From a vendor's refusal to one of our errors: pure, one table for all wire families.

A vendor says what went wrong in up to four places: the HTTP status, a code, a type and a sentence. Codes
decide first, then sentences, then the status; numbers mean what they mean in the vendor's error reference:

- OpenAI, "Error codes"; Azure OpenAI, "Content filtering"
- Anthropic, "Errors"; Google AI for Developers, "Troubleshooting guide"
- Z.ai / bigmodel, "Errors" (codes are strings of digits); Dify Service API, error codes of each call
- Coze, cozepy 0.20.0 (only 4000, 4104 and 5000 are certain)
- Ollama, docs/api; llama.cpp, tools/server/README; vLLM, "OpenAI-compatible server"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

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
from mindbot.http.retry import number, retry_after

_LONGEST_MESSAGE = 300  # characters


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CODES: dict[type[VendorError], frozenset[str]] = {
    QuotaExceeded: _words(
        "insufficient_quota billing_hard_limit_reached billing_not_active billing_error"
        " provider_quota_exceeded 1113 1304 1308 1309 1310"
    ),
    ContextOverflow: _words(
        "context_length_exceeded exceed_context_size_error model_context_window_exceeded 1261"
    ),
    ContentFiltered: _words(
        "content_filter content_policy_violation image_content_policy_violation 1300 1301 720702222"
    ),
    AuthFailed: _words(
        "invalid_api_key authentication_error permission_error account_deactivated unauthorized"
        " api_key_invalid unauthenticated permission_denied 4100 4101 700012006"
        " 1000 1001 1002 1003 1004 1110 1111 1112 1120 1121 1220 1221 1222"
    ),
    RateLimited: _words(
        "rate_limit_exceeded rate_limit_error too_many_requests resource_exhausted 1302 1303 1305"
        " 4013 4019 4020 4028 4029"
    ),
    Overloaded: _words(
        "server_error api_error overloaded_error timeout_error conflict_error unavailable_error"
        " internal_server_error completion_request_error internal unavailable deadline_exceeded"
        " 1230 1234 5000"
    ),
    Rejected: _words(
        "invalid_request_error invalid_argument invalid_param bad_request"
        " model_not_found not_found not_found_error 1210 1211 1212 1213 1214 1215 1231 4000"
    ),
}
#: Classes whose codes say more than the HTTP status does.
_TELLING = (QuotaExceeded, ContextOverflow, ContentFiltered, AuthFailed)
_SENTENCES: tuple[tuple[type[VendorError], re.Pattern[str]], ...] = (
    (QuotaExceeded, re.compile(r"spend limit|credit balance is too low|limit: 0\b", re.I)),
    (
        ContextOverflow,
        re.compile(
            r"maximum context length|context length is only|prompt is too long|exceeds the context window"
            r"|input token count|exceeds the available context|input length exceeds",
            re.I,
        ),
    ),
    (
        HistoryRefused,
        re.compile(
            r"roles? must alternate|alternate between|roles? .{0,40}alternat|multiple .{0,20}roles in a row"
            r"|successive (user|assistant)|consecutive (user|assistant)|interleave the user/assistant"
            r"|(first|last) (non-system )?message .{0,40}(user|assistant)|(start|begin|end)s? with .{0,20}user"
            r"|(message|content).{0,60}(must|should|can|may|cannot|could) ?(not|n't) be empty|must (have|be) non-empty"
            r"|\broles?\b.{0,40}\b(order|sequence)\b",
            re.I,
        ),
    ),
    (AuthFailed, re.compile(r"api key not valid", re.I)),
    (RateLimited, re.compile(r"maximum pending requests exceeded", re.I)),  # Ollama's queue, HTTP 503
)
_HINTS: dict[type[VendorError], str] = {
    AuthFailed: "check the key and what it may do",
    QuotaExceeded: "raise the limit or top up the account; waiting does not help",
    ContextOverflow: "shorten the history or choose a model with a longer context",
    HistoryRefused: "the history is not as this model wants it; without it the question may pass",
    ContentFiltered: "refused by the vendor's content policy",
}


def refusal(
    vendor: str, status: int, body: bytes, headers: Mapping[str, str], *, hide: str = ""
) -> VendorError:
    """Return the error for an answer other than 2xx.

    ``vendor`` is the provider's name, for people; ``hide`` is blotted out should the vendor echo the key.
    """
    said = _read(_decoded(body))
    if (wait := retry_after(headers)) is not None:
        said.retry_after = wait
    return _error(vendor, status, said, hide)


def refusal_in_stream(vendor: str, error: Any, *, hide: str = "") -> VendorError:
    """Return the error for an error object that came with HTTP 200, in a stream or instead of an answer.

    One that says nothing known is taken for a failing server, which may be tried again.
    """
    said = _read(error)
    # llama.cpp, vLLM and Dify put the HTTP status they could no longer send into the object.
    status = next((int(code) for code in said.codes if re.fullmatch(r"[45]\d\d", code)), 0)
    return _error(vendor, status, said, hide)


@dataclass(slots=True)
class _Said:
    """What the vendor said, in one shape. ``codes`` are lower case, the most telling first."""

    codes: list[str]
    message: str = ""
    flat: bool = False
    per_day: bool = False
    retry_after: float | None = None


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # a proxy's HTML page, or nothing: the status has to do


def _read(doc: Any) -> _Said:
    """Read the error shapes of all vendors; what is missing stays empty."""
    if isinstance(doc, list):  # Gemini's streams wrap the object
        doc = doc[0] if doc else None
    if isinstance(doc, str):
        return _Said([], _shortened(doc))
    if not isinstance(doc, dict):
        return _Said([])
    inner = doc.get("error")
    if isinstance(inner, str):  # Ollama
        return _Said([], _shortened(inner))
    error = inner if isinstance(inner, dict) else doc  # Dify, Coze and old vLLM are flat
    said = _Said([], flat=error is doc)
    for key in ("code", "type", "status"):
        if error.get(key) not in (None, "", "error"):
            said.codes.append(str(error[key]).lower())
    message = error.get("message") or error.get("msg") or error.get("detail") or ""
    said.message = _shortened(message if isinstance(message, str) else orjson.dumps(message).decode())
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            _read_google(detail, said)
    return said


def _read_google(detail: dict[str, Any], said: _Said) -> None:
    """Read one of Google's error details: ErrorInfo, RetryInfo, QuotaFailure."""
    if reason := detail.get("reason"):
        said.codes.insert(0, str(reason).lower())
    if delay := number(str(detail.get("retryDelay", "")).removesuffix("s")):
        said.retry_after = delay
    said.per_day = said.per_day or "perday" in str(detail.get("violations", "")).lower()


def _class_of(said: _Said, status: int) -> type[VendorError]:
    """Choose the class: telling codes, then sentences, then the status, then the rest."""
    if status == 402 or said.per_day:
        return QuotaExceeded
    if said.flat and "rate_limit_error" in said.codes:
        return QuotaExceeded  # Dify's plan is used up; Anthropic means a rate by the same word, nested
    by_code = next((found for found, codes in _CODES.items() if not codes.isdisjoint(said.codes)), None)
    if by_code in _TELLING:
        return by_code
    for found, pattern in _SENTENCES:
        if pattern.search(said.message):
            return found
    if status in (401, 403):
        return AuthFailed
    if status == 429:
        return RateLimited
    if by_code in (RateLimited, Overloaded):
        return by_code
    if status >= 500 or status in (408, 409):
        return Overloaded
    return Rejected if status else by_code or Overloaded


def _error(vendor: str, status: int, said: _Said, hide: str) -> VendorError:
    found = _class_of(said, status)
    code = said.codes[0] if said.codes else str(status or "")
    text = said.message or (f"HTTP {status}" if status else "failed without saying why")
    message = f"{vendor}: {text.replace(hide, '***') if hide else text}"
    if found is RateLimited:
        wait = 1.0 if said.retry_after is None else said.retry_after
        return RateLimited(message, code=code, retry_after=wait)
    hint = _HINTS.get(found, "")
    if found is Rejected and (status == 404 or code in ("model_not_found", "1211")):
        hint = "check the model's name and the base URL"
    return found(message, hint=hint, code=code)


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"

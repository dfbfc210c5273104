"""From a vendor's refusal to one of our errors: pure, for all wire families; what is known is in `refusals`.

A vendor says what went wrong in up to four places: the HTTP status, a code, a type and a sentence. Telling
codes decide first, then sentences, then the status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.domain.plain import dumps, plain
from mindbot.http.retry import number, retry_after
from mindbot.providers.refusing.bodies import document
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.refusing.refusals import HINTING, HINTS, SENTENCES, TELLING, Meanings, key

_CODE = 80  # characters of a vendor's code that are kept
_MOST = 64 << 10  # bytes of a refusal that are read
_DEEPEST = 4  # refusals within refusals: a gateway's message of what it was told
#: Said of an address that is no API, or of another kind than ours.
CHECK_URL = "check the base URL: most end in /v1"
#: What a bare number cannot mean beside a status (429) or a kind of them (5xx): other vendors count as well.
_RULED_OUT: dict[int, tuple[type[VendorError], ...]] = {
    429: (ContentFiltered, ContextOverflow, Rejected),
    5: (AuthFailed, ContentFiltered, ContextOverflow, Rejected),
}
#: Where vendors put their sentence; the last one is that of Coze's tokens.
_MESSAGES = ("message", "msg", "detail", "error_message")
_WELL = frozenset({"", "0", "200", "ok", "success", "none", "null"})


def refusal(
    vendor: str, status: int, body: bytes, headers: Mapping[str, str], *, hide: str = ""
) -> VendorError:
    """Return the error for an answer other than 2xx.

    ``vendor`` is the provider's name, for people; ``hide`` is blotted out should the vendor echo the key.
    """
    said = _said(body[:_MOST])
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


def web_page(vendor: str) -> Rejected:
    """Return the error for a web page where an answer should be."""
    return Rejected(f"{vendor}: answered with a web page", hint=CHECK_URL, code="web_page")


def is_page(body: bytes) -> bool:
    """Tell whether a body is HTML or XML."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def accuses(doc: Mapping[str, Any]) -> bool:
    """Tell whether a document that came with HTTP 200 reports a failure, whatever else it holds."""
    if "error" in doc and _speaks(doc["error"]):
        return True
    status = doc.get("base_resp")
    if isinstance(status, dict):
        return str(status.get("status_code", 0)).lower() not in _WELL
    if doc.get("choices"):
        return False
    told = any(isinstance(doc.get(name), str) and doc[name] for name in ("message", "msg", "detail"))
    return told and str(doc.get("code", "?")).lower() not in _WELL


def _speaks(error: Any) -> bool:
    """Tell whether an ``error`` says anything: some servers send it empty, or with a code of success."""
    if isinstance(error, dict):
        return any(str(value or "").lower() not in _WELL for value in error.values())
    return bool(error) and str(error).lower() not in _WELL


@dataclass(slots=True)
class _Said:
    """What the vendor said, in one shape, the most telling codes first.

    ``codes`` are as written, ``keys`` as they are compared: see `mindbot.providers.refusing.refusals`.
    """

    codes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    message: str = ""
    spent: bool = False  # an allowance that waiting does not bring back
    flagged: bool = False
    page: bool = False
    retry_after: float | None = None

    def add(self, code: Any, where: str = "nested", *, first: bool = False) -> None:
        """Note a code. A bare number means something only ``where`` its vendor writes it."""
        if isinstance(code, bool) or not isinstance(code, str | int) or code == "":
            return
        at = 0 if first else len(self.codes)
        written = str(code)[:_CODE]
        self.codes.insert(at, written)
        self.keys.insert(at, f"{where}.{written}" if written.isdigit() else key(written))

    def hear(self, other: _Said) -> None:
        """Add what stood behind it."""
        self.codes += other.codes
        self.keys += other.keys
        self.spent = self.spent or other.spent
        self.retry_after = self.retry_after if other.retry_after is None else other.retry_after


def _said(body: bytes, deepest: int = _DEEPEST) -> _Said:
    try:
        return _read(document(body), deepest)
    except ValueError:
        if is_page(body):
            return _Said(page=True)
        return _Said(message=body.decode(errors="replace").strip("\0"))


def _read(doc: Any, deepest: int = _DEEPEST) -> _Said:
    """Read the error shapes of all vendors; what is missing stays empty."""
    doc = plain(doc)
    if isinstance(doc, list):  # Gemini's streams wrap the object
        doc = doc[0] if doc else None
    if isinstance(doc, str):
        return _Said(message=doc)
    if not isinstance(doc, dict):
        return _Said()
    said = _Said()
    status = doc.get("base_resp")
    if isinstance(status, dict) and "error" not in doc:  # MiniMax
        said.add(f"base_resp.{status.get('status_code')}")
        said.message = str(status.get("status_msg") or "")
        return said
    inner = doc.get("error")
    if inner and not isinstance(inner, dict):  # Ollama, LM Studio, and xAI with a code beside it
        doc = {**doc, "message": inner}
    error = inner if isinstance(inner, dict) else doc  # Dify, Coze, SiliconFlow and old vLLM are flat
    # Dify means its plan by these words; Anthropic, nested, and others, with a type, mean a rate.
    said.spent = (
        error is doc and doc.get("code") == "rate_limit_error" and not doc.keys() & {"type", "object"}
    )
    for name in ("code", "type", "status", "error_code"):
        if error.get(name) != "error":
            said.add(error.get(name), "flat" if error is doc else "nested")
    message = next((error[name] for name in _MESSAGES if error.get(name)), "")
    said.message = message if isinstance(message, str) else dumps(message).decode()
    if said.message.lstrip()[:1] in ("{", "[") and deepest:
        # Gateways put what they were told into a message of their own.
        behind = _said(said.message.encode(errors="replace")[:_MOST], deepest - 1)
        said.hear(behind)
        said.message = behind.message or said.message
    _read_details(error, said, deepest)
    return said


def _read_details(error: Mapping[str, Any], said: _Said, deepest: int) -> None:
    """Read what vendors put beside code and message."""
    details = error.get("details")
    if isinstance(details, dict):  # Anthropic
        said.add(details.get("error_code"), first=True)
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            _read_google(detail, said)
    inner = error.get("innererror")
    if isinstance(inner, dict):  # Azure
        said.add(inner.get("code"), first=True)
    more = error.get("metadata")
    if isinstance(more, dict):  # OpenRouter
        said.flagged = bool(more.get("flagged_input") or more.get("reasons"))
        if isinstance(raw := more.get("raw"), str) and deepest:
            behind = _said(raw.encode(errors="replace")[:_MOST], deepest - 1)
            said.hear(behind)
            said.message = f"{said.message}: {behind.message}" if behind.message else said.message


def _read_google(detail: Mapping[str, Any], said: _Said) -> None:
    """Read one of Google's error details: ErrorInfo, RetryInfo, QuotaFailure."""
    said.add(detail.get("reason"), first=True)
    if delay := number(str(detail.get("retryDelay", "")).removesuffix("s")):
        said.retry_after = delay
    said.spent = said.spent or "perday" in str(detail.get("violations", "")).lower()


def _class_of(said: _Said, status: int) -> type[VendorError]:
    """Choose the class: telling codes, then sentences, then the status, then the rest."""
    if status == 402 or said.spent:
        return QuotaExceeded
    if said.flagged:
        return ContentFiltered
    if telling := _meaning(said.keys, TELLING, status):
        return telling
    for found, pattern in SENTENCES:
        if pattern.search(said.message):
            return found
    by_code = _meaning(said.keys, HINTING, status)
    if said.page and status in (400, 401, 403):
        return Overloaded  # something in between has answered: not the vendor's word
    return _by_status(status, by_code, said.retry_after)


def _meaning(keys: list[str], table: Meanings, status: int) -> type[VendorError] | None:
    """Return what the first known key means; a number does not mean what its HTTP status rules out."""
    for each in keys:
        number_ = each.startswith(("nested.", "flat."))
        for found, known in table:
            if each in known or (not number_ and each.partition(".")[0] in known):
                if number_ and found in _RULED_OUT.get(429 if status == 429 else status // 100, ()):
                    break
                return found
    return None


def _by_status(
    status: int, by_code: type[VendorError] | None, retry_after: float | None
) -> type[VendorError]:
    if status in (401, 403):
        return AuthFailed
    if status == 429:
        return Overloaded if by_code is Overloaded and retry_after is None else RateLimited
    if status == 413:
        return ContextOverflow
    if by_code in (RateLimited, Overloaded) and status != 404:
        return by_code
    if status >= 500 or status in (408, 409, 425):
        return Overloaded
    return Rejected if status else by_code or Overloaded


def _error(vendor: str, status: int, said: _Said, hide: str) -> VendorError:
    found = _class_of(said, status)
    code = quoted(said.codes[0], hide, longest=_CODE) if said.codes else str(status or "")
    text = quoted(said.message, hide)
    if not text:
        text = f"HTTP {status}" if status else "failed without saying why"
        text += ", a web page" if said.page else ""
    message = f"{vendor}: {text}"
    if found is RateLimited:
        wait = 1.0 if said.retry_after is None else said.retry_after
        return RateLimited(message, code=code, retry_after=wait)
    return found(message, hint=_hint(found, status, code), code=code)


def _hint(found: type[VendorError], status: int, code: str) -> str:
    if found is Rejected:
        if status == 404 or key(code) in ("modelnotfound", "1211", "1221", "1222", "20012"):
            return "check the model's name and the base URL"
        if status == 405 or 300 <= status < 400:
            return CHECK_URL
    return HINTS.get(found, "")

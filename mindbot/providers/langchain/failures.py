"""What LangChain's chat models fail with, in our words. Its errors are told by name: nothing is imported."""

from __future__ import annotations

from collections.abc import Mapping

from mindbot.domain.errors import (
    AuthFailed,
    ContextOverflow,
    NetworkFailed,
    Overloaded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.domain.plain import dumps
from mindbot.providers.errors import refusal
from mindbot.providers.refusing.quoting import quoted

_BY_NAME: Mapping[str, type[VendorError]] = {
    "ContextOverflowError": ContextOverflow,
    "ModelAuthenticationError": AuthFailed,
    "ModelPermissionDeniedError": AuthFailed,
    "ModelNotFoundError": Rejected,
    "ModelInvalidRequestError": Rejected,
    "ModelConnectionError": NetworkFailed,
    "ModelTimeoutError": NetworkFailed,
    "ModelRateLimitError": RateLimited,
    "ModelAPIError": Overloaded,
}


def failure(vendor: str, error: Exception, *, hide: str = "") -> VendorError:
    """Return our error for one of LangChain's, or of the vendor's package behind it.

    What has a status and a body (OpenAI, Anthropic, Ollama) is read as any refusal; else the class's name
    and the words decide.
    """
    if isinstance(error.__cause__, VendorError):  # a provider of ours behind it
        return error.__cause__
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    if isinstance(status, int) and 400 <= status < 600:
        body = getattr(error, "body", None)
        data = dumps(body) if isinstance(body, dict | list) else str(body or error).encode(errors="replace")
        return refusal(vendor, status, data, dict(getattr(response, "headers", None) or {}), hide=hide)
    names = [kind.__name__ for kind in type(error).__mro__]
    words = quoted(str(error), hide) or names[0]
    found = next((_BY_NAME[name] for name in names if name in _BY_NAME), None)
    if found is None:
        lost = isinstance(error, OSError) or any("Timeout" in n or "Connect" in n for n in names)
        found = NetworkFailed if lost else Rejected
    if found is RateLimited:
        return RateLimited(f"{vendor}: {words}", retry_after=1.0)
    return found(f"{vendor}: {words}", code=names[0])

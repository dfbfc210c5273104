"""Gemini's refusals by name.

Sources: "Troubleshooting" and "Rate limits" in the documentation of the Gemini API; google.rpc's Status with
its details QuotaFailure, RetryInfo and ErrorInfo;
the wording of used-up prepayment as announced to developers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError, RefusalTable

_TYPES = "type.googleapis.com/google.rpc."
#: HTTP status → (Google's status, message), as sent for the plain status.
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    402: (
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.",
    ),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry or report it."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


def error(code: int, status: str, message: str, *details: Json) -> Json:
    """Return an error body."""
    inner: Json = {"code": code, "message": message, "status": status}
    if details:
        inner["details"] = list(details)
    return {"error": inner}


def error_for(status: int) -> Json:
    """Return the body that usually comes with an HTTP status."""
    return error(status, *_BY_STATUS.get(status, ("UNKNOWN", "An unknown error has occurred.")))


def invalid(message: str) -> ModelApiError:
    """Return a 400 about the request."""
    return ModelApiError(400, error(400, "INVALID_ARGUMENT", message))


def unknown_field(name: str, where: str) -> ModelApiError:
    """Return a 400 about a field that there is not."""
    at = f" at '{where}'" if where else ""
    return invalid(f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')


def info(reason: str) -> Json:
    """Return the detail that tells a reason by a word."""
    domain, service = "googleapis.com", "generativelanguage.googleapis.com"
    return {
        "@type": f"{_TYPES}ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": {"service": service},
    }


def bad_key() -> ModelApiError:
    """Return the refusal of a key."""
    message = "API key not valid. Please pass a valid API key."
    return ModelApiError(400, error(400, "INVALID_ARGUMENT", message, info("API_KEY_INVALID")))


def over(quota_id: str, limit: int, wait: float) -> ModelApiError:
    """Return the refusal of what exceeds a quota; with a time to wait even where waiting does not help."""
    metric = "generativelanguage.googleapis.com/generate_content_requests"
    violation = {
        "quotaMetric": metric,
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": "sim-1"},
        "quotaValue": str(limit),
    }
    message = (
        "You exceeded your current quota, please check your plan and billing details.\n"
        f"* Quota exceeded for metric: {metric}, limit: {limit}\nPlease retry in {wait:.3f}s."
    )
    details = (
        {"@type": f"{_TYPES}QuotaFailure", "violations": [violation]},
        {"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{round(wait)}s"},
    )
    return ModelApiError(429, error(429, "RESOURCE_EXHAUSTED", message, *details))


def _row(code: int, status: str, message: str, *details: Json) -> Callable[[float], ModelApiError]:
    return lambda now: ModelApiError(code, error(code, status, message, *details))


_DEPLETED = _BY_STATUS[402]
#: See `mindbot.sim.models.refusals`.
REFUSALS: RefusalTable = {
    **{
        status: _row(code, status, message)
        for code, (status, message) in _BY_STATUS.items()
        if code not in (402, 429)
    },
    "API_KEY_INVALID": lambda now: bad_key(),
    "FAILED_PRECONDITION": _row(
        400,
        "FAILED_PRECONDITION",
        "User location is not supported for the API use without a billing account linked.",
    ),
    "input_too_long": _row(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "prepayment_depleted": _row(402, *_DEPLETED),
    "prepayment_depleted_429": _row(429, *_DEPLETED),
    "quota_per_minute": lambda now: over("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 10, 46),
    "quota_per_day": lambda now: over("GenerateRequestsPerDayPerProjectPerModel-FreeTier", 250, 46),
    "quota_limit_zero": lambda now: over("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 0, 46),
}

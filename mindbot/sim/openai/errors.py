"""OpenAI's refusals by name. Sources: "Error codes" in the API guide, help center 5955604, the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError, RefusalTable

_INVALID = "invalid_request_error"
_QUOTA = "insufficient_quota"
_LIMIT = (
    "Your request was refused because {} is used up. Raise it in the settings, or wait for the next month."
)
_RATE = "Rate limit reached for {} per min. Please try again in 20s."

#: name → (status, type, param, code, message). The names are the codes where there is one.
_SAID: Mapping[str, tuple[int, str, str | None, str | None, str]] = {
    "invalid_request": (400, _INVALID, None, None, "Invalid request."),
    "context_length_exceeded": (
        400,
        _INVALID,
        "messages",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
        " Please reduce the length of the messages.",
    ),
    "unsupported_parameter": (
        400,
        _INVALID,
        "max_tokens",
        "unsupported_parameter",
        "Unsupported parameter: 'max_tokens' is not supported with this model."
        " Use 'max_completion_tokens' instead.",
    ),
    "unsupported_value": (
        400,
        _INVALID,
        "temperature",
        "unsupported_value",
        "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is"
        " supported.",
    ),
    "invalid_value": (400, _INVALID, "messages[0].role", "invalid_value", "Invalid value: 'robot'."),
    "content_filter": (
        400,
        _INVALID,
        "prompt",
        "content_filter",
        "The response was filtered due to the prompt triggering the content management policy.",
    ),
    "content_policy_violation": (
        400,
        "image_generation_user_error",
        None,
        "content_policy_violation",
        "Your request was rejected by the safety system.",
    ),
    "image_content_policy_violation": (
        400,
        _INVALID,
        None,
        "image_content_policy_violation",
        "An image of your request was rejected by the safety system.",
    ),
    "invalid_api_key": (401, _INVALID, None, "invalid_api_key", "Incorrect API key provided: sk-***."),
    "unsupported_country_region_territory": (
        403,
        "request_forbidden",
        None,
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    "model_not_found": (
        404,
        _INVALID,
        None,
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    "timeout": (408, "timeout", None, None, "Request timed out."),
    "conflict": (409, _INVALID, None, None, "The resource was changed by another request."),
    "rate_limit_exceeded": (429, "requests", None, "rate_limit_exceeded", _RATE.format("requests")),
    "tokens_exceeded": (429, "tokens", None, "rate_limit_exceeded", _RATE.format("tokens")),
    "insufficient_quota": (
        429,
        _QUOTA,
        None,
        _QUOTA,
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "credit_balance_exhausted": (429, _QUOTA, None, "credit_balance_exhausted", _LIMIT.format("your credit")),
    "organization_usage_limit_exceeded": (
        429,
        _QUOTA,
        None,
        "organization_usage_limit_exceeded",
        _LIMIT.format("the usage limit of your organization"),
    ),
    "organization_spend_limit_exceeded": (
        429,
        _QUOTA,
        None,
        "organization_spend_limit_exceeded",
        _LIMIT.format("the spend limit of your organization"),
    ),
    "project_spend_limit_exceeded": (
        429,
        _QUOTA,
        None,
        "project_spend_limit_exceeded",
        _LIMIT.format("the spend limit of your project"),
    ),
    "server_error": (
        500,
        "server_error",
        None,
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    "overloaded": (
        503,
        "server_error",
        None,
        None,
        "That model is currently overloaded with other requests.",
    ),
    "slow_down": (503, "server_error", None, "slow_down", "Slow down: requests rose faster than is served."),
}
#: status → the name of what usually comes with it.
_USUAL: Mapping[int, str] = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "unsupported_country_region_territory",
    404: "model_not_found",
    408: "timeout",
    409: "conflict",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "overloaded",
}


def error(message: str, type_: str = _INVALID, param: str | None = None, code: str | None = None) -> Json:
    """Return an error body; all four keys are always there."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def error_for(status: int, code: str = "") -> Json:
    """Return the body that usually comes with a status, or with a status and a code."""
    if code in _SAID:
        _, type_, param, known, message = _SAID[code]
        return error(message, type_, param, known)
    usual = _SAID.get(_USUAL.get(status, ""))
    if usual is None:
        return error("The server had an error.", "server_error", None, code or None)
    return error(usual[4], usual[1], None, code or usual[3])


def refused(name: str, headers: Mapping[str, str] | None = None) -> ModelApiError:
    """Return the refusal of that name."""
    status, type_, param, code, message = _SAID[name]
    return ModelApiError(status, error(message, type_, param, code), headers)


def invalid(message: str, param: str | None = None, code: str | None = None) -> ModelApiError:
    """Return a 400 about one parameter."""
    return ModelApiError(400, error(message, _INVALID, param, code))


def _made(name: str, _now: float) -> ModelApiError:
    return refused(name)


#: All refusals by name.
REFUSALS: RefusalTable = {name: partial(_made, name) for name in _SAID}

"""OpenAI's error shapes. Source: "Error codes" in the API guide, and what the official SDK parses."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError

#: status → (type, code, message), as sent for the plain status.
_BY_STATUS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-***."),
    403: (
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    408: ("timeout", None, "Request timed out."),
    409: ("invalid_request_error", None, "The resource was changed by another request."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM)."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "That model is currently overloaded with other requests."),
}
#: code → (type, param, message), for a fault's ``code=``.
_BY_CODE: dict[str, tuple[str, str | None, str]] = {
    "insufficient_quota": (
        "insufficient_quota",
        None,
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "context_length_exceeded": (
        "invalid_request_error",
        "messages",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
        " Please reduce the length of the messages.",
    ),
    "content_filter": (
        "invalid_request_error",
        "prompt",
        "The response was filtered due to the prompt triggering the content management policy.",
    ),
    "content_policy_violation": (
        "image_generation_user_error",
        None,
        "Your request was rejected by the safety system.",
    ),
    "unsupported_parameter": (
        "invalid_request_error",
        "max_tokens",
        "Unsupported parameter: 'max_tokens' is not supported with this model."
        " Use 'max_completion_tokens' instead.",
    ),
}


def error(
    message: str, type_: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> Json:
    """Return an error body; all four keys are always there."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def error_for(status: int, code: str = "") -> Json:
    """Return the body that usually comes with a status, or with a status and a code."""
    if code in _BY_CODE:
        type_, param, message = _BY_CODE[code]
        return error(message, type_, param, code)
    type_, usual, message = _BY_STATUS.get(status, ("server_error", None, "The server had an error."))
    return error(message, type_, None, code or usual)


def invalid(message: str, param: str | None = None, code: str | None = None) -> ModelApiError:
    """Return a 400 about one parameter."""
    return ModelApiError(400, error(message, "invalid_request_error", param, code))

"""Anthropic's refusals by name.

Sources: "Errors" in the documentation; the classes and codes of the official Python SDK (2.14); the spend
limit that a customer has set, and a used-up balance, as users report them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, first_of_next_month

#: status → (type, message), as sent for the plain status.
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("invalid_request_error", "Invalid request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is an issue with your billing or payment information."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    409: ("conflict_error", "The request conflicts with the state of the resource."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out while processing. Consider using streaming."),
    529: ("overloaded_error", "Overloaded"),
}


def error(type_: str, message: str, code: str = "") -> Json:
    """Return an error body; the request's id is added when it is sent."""
    inner: Json = {"type": type_, "message": message}
    if code:
        inner["details"] = {"error_code": code}
    return {"type": "error", "error": inner}


def error_for(status: int) -> Json:
    """Return the body that usually comes with a status."""
    return error(*_BY_STATUS.get(status, ("api_error", "Internal server error")))


def invalid(message: str) -> ModelApiError:
    """Return a 400 about the request."""
    return ModelApiError(400, error("invalid_request_error", message))


def _row(
    status: int, type_: str, message: str, code: str = "", retry_after: int = 0
) -> Callable[[float], ModelApiError]:
    """Return a line of the table; ``{until}`` in a message is the 1st of the next month."""

    def worded(now: float) -> ModelApiError:
        said = message.format(until=f"{first_of_next_month(now):%Y-%m-%d at %H:%M UTC}")
        return ModelApiError(
            status, error(type_, said, code), {"retry-after": str(retry_after)} if retry_after else {}
        )

    return worded


_PLAIN = {
    type_: _row(status, type_, message, retry_after=7 if status == 429 else 0)
    for status, (type_, message) in _BY_STATUS.items()
}
#: See `mindbot.sim.models.refusals`.
REFUSALS: RefusalTable = {
    **_PLAIN,
    "prompt_too_long": _row(
        400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"
    ),
    "specified_usage_limit": _row(
        400,
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on {until}.",
    ),
    "workspace_usage_limit": _row(
        400,
        "invalid_request_error",
        "You have reached your specified workspace API usage limits. You will regain access on {until}.",
    ),
    "credit_balance_too_low": _row(
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API."
        " Please go to Plans & Billing to upgrade or purchase credits.",
    ),
    "linked_organization_billing_unavailable": _row(
        402,
        "billing_error",
        "The linked organization cannot be billed.",
        "linked_organization_billing_unavailable",
    ),
    "ramp_limit_exceeded": _row(
        429,
        "rate_limit_error",
        "This request would exceed the limit on how fast your usage may grow.",
        "ramp_limit_exceeded",
        retry_after=20,
    ),
    "enforced_spend_limit_reached": _row(
        429,
        "rate_limit_error",
        "Your organization has reached the monthly API usage threshold of its tier.",
        "enforced_spend_limit_reached",
    ),
    "contract_spend_limit_reached": _row(
        429,
        "rate_limit_error",
        "Your organization has reached the spend limit of its contract.",
        "contract_spend_limit_reached",
    ),
}

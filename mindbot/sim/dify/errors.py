"""Dify's refusals: ``{"code", "message", "status"}``. Source: Service API, the error codes of each call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError, RefusalTable

#: code → (HTTP status, sentence).
CODES: Mapping[str, tuple[int, str]] = {
    "invalid_param": (400, "Arg user must be provided."),
    "bad_request": (400, "Agent App only supports streaming response mode."),
    "app_unavailable": (400, "App unavailable, please check your app configurations."),
    "not_chat_app": (400, "Please check if your app mode matches the right API route."),
    "not_workflow_app": (400, "Please check if your app mode matches the right API route."),
    "not_completion_app": (400, "Please check if your app mode matches the right API route."),
    "agent_not_published": (400, "Agent not published."),
    "conversation_completed": (400, "The conversation has ended. Please start a new conversation."),
    "provider_not_initialize": (400, "No valid model provider credentials found."),
    "provider_quota_exceeded": (400, "Your quota for Dify Hosted Model Provider has been exhausted."),
    "model_currently_not_support": (400, "Dify Hosted OpenAI trial currently not support the GPT-4 model."),
    "completion_request_error": (400, "Completion request failed."),
    "no_file_uploaded": (400, "Please upload your file."),
    "unauthorized": (401, "Access token is invalid"),
    "forbidden": (403, "The app's API service has been disabled."),
    "not_found": (404, "Conversation Not Exists."),
    "workflow_paused_in_blocking_mode": (
        400,
        "Workflow execution paused for human input; blocking response mode is not supported.",
    ),
    "invalid_form_data": (400, "Invalid form data."),
    "dataset_name_duplicate": (
        409,
        "The dataset name already exists. Please modify your dataset name.",
    ),
    "human_input_form_expired": (412, "This form has expired, form_id=unknown"),
    "human_input_form_submitted": (412, "This form has already been submitted by another user"),
    "file_too_large": (413, "File size exceeded."),
    "unsupported_file_type": (415, "File type not allowed."),
    "too_many_requests": (429, "Too many requests. Please try again later."),
    "rate_limit_error": (429, "Rate limit exceeded, please upgrade your plan."),
    "internal_server_error": (500, "Internal Server Error"),
}
#: HTTP status → the code that usually comes with it.
USUAL: Mapping[int, str] = {
    400: "invalid_param",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    413: "file_too_large",
    415: "unsupported_file_type",
    429: "too_many_requests",
    500: "internal_server_error",
}


def worded(status: int, code: str = "", message: str = "") -> Json:
    """Return the body that comes with a status, or with a code."""
    code = code or USUAL.get(status, "internal_server_error")
    said = message or CODES.get(code, (0, "Something went wrong."))[1]
    return {"code": code, "message": said, "status": status}


def refused(code: str, message: str = "") -> ModelApiError:
    """Return the refusal of a code, in its own words or others."""
    status = CODES[code][0]
    return ModelApiError(status, worded(status, code, message))


def _made(code: str, _now: float) -> ModelApiError:
    return refused(code)


#: All refusals; their codes are their names.
REFUSALS: RefusalTable = {code: partial(_made, code) for code in CODES}

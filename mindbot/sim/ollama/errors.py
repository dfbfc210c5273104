"""Ollama's refusals: a sentence under ``error``, before an answer and as a line in the middle of a stream.

Sources: docs/api.md ("Errors"), server/routes.go and server/sched.go of Ollama.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError, RefusalTable

#: name → (status, sentence); {model} is the model that was asked for.
_SAID: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "missing request body"),
    "no-tools": (400, '"{model}" does not support tools'),
    "no-thinking": (400, '"{model}" does not support thinking'),
    "no-chat": (400, '"{model}" does not support chat'),
    "context": (400, "the input length exceeds the context length"),
    "unauthorized": (401, "unauthorized"),
    "not-found": (404, "model '{model}' not found"),
    "not-pulled": (404, "model '{model}' not found, try pulling it first"),
    "rate": (429, "you have reached your hourly usage limit, please upgrade to continue"),
    "cancelled": (499, "context canceled"),
    "server": (500, "llama runner process has terminated: exit status 2"),
    "memory": (500, "model requires more system memory (9.1 GiB) than is available (5.2 GiB)"),
    "gateway": (502, "upstream error"),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
}
#: status → the name of what usually comes with it.
USUAL: Mapping[int, str] = {
    400: "bad-request",
    401: "unauthorized",
    404: "not-pulled",
    429: "rate",
    499: "cancelled",
    500: "server",
    502: "gateway",
    503: "busy",
}


def sentence(message: str) -> Json:
    """Return an error body."""
    return {"error": message}


def refused(name: str, model: str = "") -> ModelApiError:
    """Return the refusal of that name."""
    status, said = _SAID[name]
    return ModelApiError(status, sentence(said.format(model=model or "any")))


def bad(message: str) -> ModelApiError:
    """Return a 400 in other words."""
    return ModelApiError(400, sentence(message))


def worded(status: int, name: str = "") -> Json:
    """Return the body that comes with a status, or with the refusal of that name."""
    found = name or USUAL.get(status, "")
    return sentence(_SAID[found][1].format(model="any") if found in _SAID else found or "unexpected status")


def _made(name: str, _now: float) -> ModelApiError:
    return refused(name)


#: All refusals by name.
REFUSALS: RefusalTable = {name: partial(_made, name) for name in _SAID}

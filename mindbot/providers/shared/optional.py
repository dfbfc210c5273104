"""Fields of a request that a server may refuse: left out or renamed, and remembered.

Older vLLM, Databricks, NIM, Azure and some gateways refuse ``stream_options``; reasoning models take no
``temperature`` and want another name for the output limit; Mistral and others know no ``user``; models
of Anthropic's that choose by themselves when to think refuse ``thinking`` of a given length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mindbot.domain.errors import Rejected
from mindbot.domain.message import Json
from mindbot.domain.plain import decoded
from mindbot.providers.refusing.bodies import document

#: Field → the name it may have instead; empty where it is only left out.
_OPTIONAL = {
    "stream_options": "",
    "temperature": "",
    "user": "",
    "thinking": "",
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}
_UNKNOWN = re.compile(
    r"un(known|recogni[sz]ed|supported|expected)|not (supported|permitted|allowed|recogni[sz]ed)"
    r"|does(n't| not) support|deprecated|extra (inputs?|fields?|parameters?)|additional propert"
    r"|invalid (argument|param|field)|instead|不支持|未知",
    re.I,
)


class Optional:
    """What each model of a provider was found not to take."""

    def __init__(self) -> None:
        self._refused: dict[str, list[str]] = {}

    def fit(self, model: str, body: Json) -> Json:
        """Return a request as its model takes it."""
        refused = self._refused.get(model, ())
        for name in refused:
            if name in body:
                value, other = body[name], _OPTIONAL[name]
                body = {key: each for key, each in body.items() if key != name}
                if other and other not in refused:
                    body[other] = value
        return body

    def learn(self, model: str, body: Mapping[str, Any], refusal: bytes) -> bool:
        """Note the field of ``body`` that a refusal names; false when it names none that can be left out."""
        name = _named(body, refusal)
        if name:
            self._refused.setdefault(model, []).append(name)
        return bool(name)

    def left_out(self, model: str) -> list[str]:
        """Return the fields that are not sent to a model, or not by that name."""
        return list(self._refused.get(model, ()))


def _named(body: Mapping[str, Any], refusal: bytes) -> str:
    params, words = _said(refusal)
    unknown = bool(_UNKNOWN.search(words))
    sent = [name for name in _OPTIONAL if name in body]
    if named := [name for name in sent if name in params]:
        # The words beside it may tell what else there is. Of a field that has another name, a refused value
        # is no reason to leave it out.
        return next((name for name in named if unknown or not _OPTIONAL[name]), "")
    return next((name for name in sent if unknown and _mentions(words, name)), "")


def _mentions(words: str, name: str) -> bool:
    return bool(re.search(rf"['\"`]{name}['\"`]" if name == "user" else rf"\b{name}\b", words))


def _said(refusal: bytes) -> tuple[set[str], str]:
    """Return the names and the words of a refusal: OpenAI's ``param``, FastAPI's ``loc``."""
    try:
        doc = document(refusal)
    except ValueError:
        return set(), decoded(refusal)
    names: set[str] = set()
    if isinstance(doc, dict):
        error = doc["error"] if isinstance(doc.get("error"), dict) else doc
        names.add(str(error.get("param")))
        details = doc.get("detail")
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, dict) and isinstance(detail.get("loc"), list):
                names.update(map(str, detail["loc"][1:2]))
    return names, decoded(refusal).replace('\\"', '"')


class RefusedRequest(Exception):
    """The request is not one this server takes; ``body`` is what it says."""

    def __init__(self, error: Rejected, body: bytes) -> None:
        super().__init__(error)
        self.error = error
        self.body = body

"""A model's call as a command line, in the form of its provider's type: what was said, to be tried by hand.

Keys and addresses are in no record: ``$API_KEY`` and ``$BASE_URL`` stand for them. Sources: OpenAI, "Create
chat completion"; Anthropic, "Messages"; Google AI for Developers, "Generating content"; Ollama, "Generate a
chat completion".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote

from mindbot.api.models import SpanView
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.domain.sent import SENT, bodies

_MOST_TOKENS = 4096  # Anthropic wants a number


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked: of each message who speaks and the words."""

    model: str
    stream: bool
    said: Sequence[tuple[str, str]]

    @property
    def instructions(self) -> str:
        return "\n\n".join(words for role, words in self.said if role == "system")

    @property
    def turns(self) -> list[tuple[str, str]]:
        """What user and assistant said, by turns."""
        spoken = [each for each in self.said if each[0] in ("user", "assistant")]
        return [
            (role, "\n".join(words for _, words in lines))
            for role, lines in groupby(spoken, lambda each: each[0])
        ]

    @property
    def lines(self) -> list[Json]:
        return [{"role": role, "content": words} for role, words in self.said]


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a type is asked (below ``$BASE_URL``, as `home` says), with which headers and body."""

    home: str
    path: Callable[[_Asked], str]
    headers: Sequence[str]
    body: Callable[[_Asked], Json]


def _openai(asked: _Asked) -> Json:
    return {"model": asked.model, "stream": asked.stream, "messages": asked.lines}


def _anthropic(asked: _Asked) -> Json:
    body: Json = {"model": asked.model, "max_tokens": _MOST_TOKENS, "stream": asked.stream}
    if asked.instructions:
        body["system"] = asked.instructions
    return {**body, "messages": [{"role": role, "content": words} for role, words in asked.turns]}


def _google(asked: _Asked) -> Json:
    names = {"user": "user", "assistant": "model"}
    contents = [{"role": names[role], "parts": [{"text": words}]} for role, words in asked.turns]
    if not asked.instructions:
        return {"contents": contents}
    return {"systemInstruction": {"parts": [{"text": asked.instructions}]}, "contents": contents}


def _google_path(asked: _Asked) -> str:
    kind, _, name = asked.model.rpartition("/")
    method = "streamGenerateContent?alt=sse" if asked.stream else "generateContent"
    return f"/{quote(kind or 'models')}/{quote(name, safe='')}:{method}"


_BEARER = ("Authorization: Bearer $API_KEY",)
_OPENAI = _Form("https://api.openai.com/v1", lambda _: "/chat/completions", _BEARER, _openai)
_FORMS = {
    **dict.fromkeys(
        ("openai", "vllm", "deepseek", "moonshot", "openrouter", "siliconflow", "chatglm"), _OPENAI
    ),
    "anthropic": _Form(
        "https://api.anthropic.com/v1",
        lambda _: "/messages",
        ("x-api-key: $API_KEY", "anthropic-version: 2023-06-01"),
        _anthropic,
    ),
    "google": _Form(
        "https://generativelanguage.googleapis.com/v1beta",
        _google_path,
        ("x-goog-api-key: $API_KEY",),
        _google,
    ),
    "ollama": _Form("http://127.0.0.1:11434", lambda _: "/api/chat", _BEARER, _openai),
}


def is_call(span: SpanView) -> bool:
    """Tell whether a step is a call of a model or workflow whose request is known."""
    return _sent(span) is not None or (span.kind == "model" and isinstance(span.data.get("request"), dict))


def curl(span: SpanView) -> str:
    """Return a call of a model as a command; raises Invalid where its provider is of a type without one."""
    request: Json = span.data.get("request") or {}
    provider = str(span.data.get("provider") or span.name)
    kind = str(span.data.get("type") or provider)  # a provider's type is its name, unless it says otherwise
    if (sent := _sent(span)) is not None:
        path, body, whole = sent
        return _as_sent(
            provider, str(span.data.get("model") or ""), _FORMS.get(kind), path, body, whole=whole
        )
    if (form := _FORMS.get(kind)) is None:
        raise Invalid(
            f"a call of provider {provider} is no curl command: its type, {kind}, is asked in another way",
            hint=f"export it as json; curl is known of {', '.join(_FORMS)}",
        )
    said, whole = _said(request.get("messages"))
    asked = _Asked(
        str(span.data.get("model") or request.get("model") or ""), bool(request.get("stream")), said
    )
    lost = "" if whole else "what is not words (pictures, tools) and "
    lines = [
        f"# {' '.join(f'{provider} {asked.model}'.split())}; $BASE_URL is its base_url (as {form.home}), "
        f"$API_KEY its key; {lost}what the record does not hold (temperature, longest answer) is left out",
        f'curl "$BASE_URL{form.path(asked)}" \\',
        *(f'  -H "{header}" \\' for header in form.headers),
        '  -H "Content-Type: application/json" \\',
        f"  -d {shlex.quote(json.dumps(form.body(asked), ensure_ascii=False))}\n",
    ]
    return "\n".join(lines)


def _sent(span: SpanView) -> tuple[str, Json, bool] | None:
    """Return the path and the body of a step's last call, and whether it is whole; None where none is."""
    calls = [each for each in span.data.get(SENT) or () if isinstance(each, dict)]
    if not calls or (body := bodies(calls)[-1]) is None or not (path := str(calls[-1].get("path") or "")):
        return None
    return path, body, not any("cut_from" in call for call in calls)


def _as_sent(provider: str, model: str, form: _Form | None, path: str, body: Json, *, whole: bool) -> str:
    """Return the command for a request as it was sent."""
    cut = "" if whole else "; what is long in it is cut, and marked"
    headers = form.headers if form is not None else _BEARER
    lines = [
        f"# {' '.join(f'{provider} {model}'.split())}, as it was sent; $ORIGIN is scheme and host of its "
        f"base_url, $API_KEY its key{cut}",
        f'curl "$ORIGIN{path}" \\',
        *(f'  -H "{header}" \\' for header in headers),
        '  -H "Content-Type: application/json" \\',
        f"  -d {shlex.quote(dumps(body).decode())}\n",
    ]
    return "\n".join(lines)


def _said(messages: Any) -> tuple[list[tuple[str, str]], bool]:
    """Return who speaks and the words of each recorded message that has some, and whether that is all."""
    said, whole = list[tuple[str, str]](), True
    for each in messages if isinstance(messages, list) else []:
        content = each.get("content")
        parts = content if isinstance(content, list) else [{"kind": "text", "text": content}]
        texts = [str(part.get("text") or "") for part in parts if part.get("kind") == "text"]
        whole = whole and len(texts) == len(parts) and each.get("role") != "tool"
        if any(texts) and each.get("role") != "tool":
            said.append((str(each.get("role")), "".join(texts)))
    return said, whole

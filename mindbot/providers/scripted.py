"""A model that says what it was told to: the embedded default, for demonstrations, benchmarks and tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import anyio

from mindbot.domain.chat import Capabilities, ChatRequest, Chunk, Chunks, Usage
from mindbot.domain.errors import VENDOR_ERRORS, ConfigError
from mindbot.providers.settings.scripted import ScriptedRule, ScriptedSettings

_PLACE = re.compile(r"\{(\w+)\}")
_PIECE = 8  # characters in a chunk of a stream
_TOKEN = 4  # characters; a guess that makes usage grow with the text


class ScriptedProvider:
    """Answers the last user message by the first rule whose ``match`` (RE2) is found in it, else echoes it.

    In a reply ``{text}`` is the message, ``{name}`` and ``{1}`` are groups of the match. ``delay`` seconds
    pass before the answer, or before the ``error`` (the kind of a vendor error, e.g. ``rate_limited``).
    """

    Settings = ScriptedSettings

    def __init__(self, name: str = "scripted", *, rules: Sequence[ScriptedRule] = ()) -> None:
        self.name = name
        self._rules = [(_pattern(name, rule), rule) for rule in rules]

    @classmethod
    def build(
        cls, name: str, settings: ScriptedSettings, http: Any = None, secrets: Any = None
    ) -> ScriptedProvider:
        """Make the provider of a `providers:` entry; it needs neither network nor secrets."""
        return cls(name, rules=settings.rules)

    def capabilities(self, model: str = "") -> Capabilities:
        """Return that it has words alone."""
        return Capabilities(tools=False)

    async def chat(self, request: ChatRequest) -> Chunks:
        """Yield the answer; raises what the rule says."""
        text = next((m.content for m in reversed(request.messages) if m.role == "user"), "")
        reply = await self._reply(text)
        if request.stream:
            for at in range(0, len(reply), _PIECE):
                yield Chunk(reply[at : at + _PIECE])
        elif reply:
            yield Chunk(reply)
        asked = sum(len(m.content) for m in request.messages)
        yield Chunk(
            finish="stop",
            usage=Usage(1 + asked // _TOKEN, 1 + len(reply) // _TOKEN),
        )

    async def _reply(self, text: str) -> str:
        for pattern, rule in self._rules:
            if match := pattern.search(text):
                if rule.delay:
                    await anyio.sleep(rule.delay)
                if rule.error:
                    raise VENDOR_ERRORS[rule.error](f"{self.name}: the script says {rule.error}")
                return _filled(rule.reply, text, match)
        return f"echo: {text}"


def _pattern(name: str, rule: ScriptedRule) -> Any:
    import re2  # runs in time linear in the user's text; loaded only where there are rules

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(rule.match, options)
    except re2.error as exc:
        raise ConfigError(f"providers.{name}: {rule.match!r} is no regular expression: {exc}") from exc


def _filled(reply: str, text: str, match: Any) -> str:
    """Replace the places the match can fill; other braces stay as they are."""
    values = {"text": text, **{str(i): group or "" for i, group in enumerate(match.groups(), 1)}}
    values |= {key: value or "" for key, value in match.groupdict().items()}
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), reply)

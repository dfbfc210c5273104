"""Keeps secrets out of everything that is written: logs, traces, API answers, crash reports.

Two nets. Every secret that is resolved is registered and masked wherever it appears, also in its URL-quoted
and JSON-escaped spellings. And what looks like a secret by its neighbourhood (a bearer token, ``corpsecret=``
in an address, a JSON key named ``api_key``) is masked though nobody registered it.
"""

from __future__ import annotations

import base64
import json
import re
from threading import Lock
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
_MASKED = rf"\g<1>{MASK}"

#: Fields that hold what people and bots said: of messages, replies, parts and prompts.
_SAID = frozenset({"text", "reply", "saying", "content"})
#: A field that holds what went out word for word (`mindbot.domain.sent`): nothing in it is guessed at either.
_WORD_FOR_WORD = "sent"

#: Characters of a reason: vendors answer with whole pages, and with the request that they refuse.
LONGEST_REASON = 1000
_REASON_END = 300  # of them are its end, where the hint is

#: Characters beyond the end of a beginning that are looked at, for what only its end tells for a secret.
_BEYOND = 1000

#: Shorter values would mask half of what is written and are no secrets.
SHORTEST = 4

_UNLIKE_WORDS = 16  # characters

#: What the name of a field that holds a secret ends with: corpsecret, access_token, clientSecret, …; and what
#: platforms send along that lets its holder answer in the bot's place (codes, addresses) or read a file.
_NAMES = (
    r"(?:secret|passw(?:or)?d|passphrase|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|authorization|cookie|credential|aeskey|response_?code|response_?url|session_?webhook|welcome_?code"
    r"|msg_?code)"
)
_ESCAPED = r"(?:\\+[^\"'\\]|[^\"'\\])+"  # a quoted value, up to the quote that ends it
_SECRET_KEY = re.compile(rf".*{_NAMES}", re.IGNORECASE | re.ASCII | re.DOTALL)

#: (what a text must hold to be worth searching, pattern); group 1 is what stays in front of the mask.
_PATTERNS = tuple(
    (needed, re.compile(pattern, re.IGNORECASE | re.ASCII))
    for needed, pattern in (
        ("", r"(\bbearer\s+)[a-z0-9._~+/=-]{6,}"),
        ("", r"(\bsk-)[a-z0-9_-]{16,}"),
        ("=", rf"({_NAMES}\\*[\"']?\s*=\s*\\*[\"']?)[^\s\"'\\&,;}}]+"),  # name=value
        ("</", rf"(<[\w:-]*{_NAMES}(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?)[^<\]]+"),  # <name>value</name>
        ("=", r"([?&](?:key|ticket|session)=)[^&\s\"'\\]+"),
        ("\\u003d", r"((?:[?&]|\\u0026)(?:key|ticket|session)\\u003d)[^&\s\"'\\]+"),  # as some write JSON
        (":", r"(authorization\s*:\s*(?:bearer|basic|token)?\s*)[^\s\"']+"),
        (":", rf"({_NAMES}\\*[\"']\s*:\s*b?\\*[\"']){_ESCAPED}"),  # "name": "value", also JSON in JSON
        (":", r"((?:api-key|access-token|cookie)\s*:\s*)\S+"),  # headers
        ("@", r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    )
)


class Redactor:
    """Masks registered values and what looks like a secret. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spellings: tuple[str, ...] = ()
        self._unlike_words: tuple[str, ...] = ()  # those that no words look like; both the longest first
        self._by_first: dict[str, list[str]] = {}  # those, by their first character

    def register(self, value: str) -> None:
        """Mask this value from now on; one shorter than `SHORTEST` characters is not kept."""
        if len(value) < SHORTEST or value in self._spellings:
            return
        with self._lock:
            known = {*self._spellings, *_spellings(value)}
            self._spellings = tuple(sorted(known, key=len, reverse=True))  # the longest match wins
            self._unlike_words = tuple(each for each in self._spellings if len(each) >= _UNLIKE_WORDS)
            by_first: dict[str, list[str]] = {}
            for each in self._unlike_words:
                by_first.setdefault(each[0], []).append(each)
            self._by_first = by_first

    def redact(self, value: Any) -> Any:
        """Return a text or JSON value with its secrets masked; other objects come back as they are."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self._key(k): self._field(k, v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact(v) for v in value]
        return value

    def conversation(self, value: Any) -> Any:
        """Return a JSON value masked like by `redact`, but what people and bots said only by what is known.

        A reply that is shown must be the reply that was sent: code and questions about passwords look like
        secrets and are none.
        """
        if isinstance(value, dict):
            return {self._key(k): self._said(k, v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.conversation(v) for v in value]
        return self.redact(value)

    def _said(self, key: Any, value: Any) -> Any:
        if isinstance(value, str):
            return self.registered(value) if key in _SAID else self._field(key, value)
        return self.known(value) if key == _WORD_FOR_WORD else self.conversation(value)

    def known(self, value: Any) -> Any:
        """Return a JSON value with registered values masked in its texts, and nothing guessed."""
        if isinstance(value, str):
            return self.registered(value)
        if isinstance(value, dict):
            return {k: self.known(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.known(v) for v in value]
        return value

    def registered(self, text: str) -> str:
        """Return the text with registered values masked, and nothing guessed."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text

    def beginning(self, text: str, most: int) -> str:
        """Return at most ``most`` characters of a text's beginning, masked like by `redact`.

        The time it takes does not grow with the text. No part of a secret at the cut is left.
        """
        end = most + _BEYOND
        if len(text) <= end:
            return self._text(text)[:most]
        seen = self._text(text[: self._between(text, end)])
        return seen[:-_BEYOND][:most]

    def _between(self, text: str, end: int) -> int:
        """Return the last place up to ``end`` where a text can be cut, and no registered value with it."""
        cut = True
        while cut:
            cut = False
            for spelling in self._spellings:
                reach = len(spelling) - 1
                at = text.find(spelling, max(0, end - reach), end + reach)
                if at >= 0:
                    end, cut = at, True
        return end

    def spoken(self, text: str) -> str:
        """Return words that go to people with registered values masked that no words look like.

        A model's server that repeats its request must not tell a chat the key; short secrets are like words.
        """
        return self._spoken(text, len(text))[0]

    def spoken_so_far(self, text: str) -> tuple[str, str]:
        """Return as much of words that go on as can be said now, masked like by `spoken`, and the rest as it
        is: more of it may make it a value that is masked, or a longer one."""
        return self._spoken(text, len(text) - self._begun(text))

    def _spoken(self, text: str, end: int) -> tuple[str, str]:
        """Return what begins before ``end`` with its values masked, and what is left of the text."""
        spellings = [spelling for spelling in self._unlike_words if spelling in text]
        said, at = [], 0
        for found in re.finditer("|".join(map(re.escape, spellings)), text) if spellings else ():
            if found.start() >= end:
                break
            said += [text[at : found.start()], MASK]
            at = found.end()
        return "".join([*said, text[at:end]]), text[max(at, end) :]

    def _begun(self, text: str) -> int:
        """Return how many characters at a text's end may begin a value, and are not yet all of it."""
        begun = 0
        for first, spellings in self._by_first.items():  # the longest of each comes first
            at = text.find(first, max(0, len(text) - len(spellings[0]) + 1))
            while at >= 0 and len(text) - at > begun:
                end = text[at:]
                if any(each.startswith(end) and len(each) > len(end) for each in spellings):
                    begun = len(end)
                at = text.find(first, at + 1)
        return begun

    def _text(self, text: str) -> str:
        text = self.registered(text)
        for needed, pattern in _PATTERNS:
            if needed in text:
                text = pattern.sub(_MASKED, text)
        return text

    def _key(self, key: Any) -> Any:
        return self.registered(key) if isinstance(key, str) else key

    def _field(self, key: Any, value: Any) -> Any:
        if isinstance(value, str) and value and is_secret_name(key):
            return MASK
        return self.redact(value)


def is_secret_name(name: Any) -> bool:
    """Whether a field of this name holds a secret, by the look of it."""
    return isinstance(name, str) and _SECRET_KEY.fullmatch(name) is not None


def _spellings(value: str) -> set[str]:
    """The ways a value may appear: as it is, in a URL, in JSON, in a representation, in base 64."""
    found = {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        base64.b64encode(value.encode("utf-8", "surrogateescape")).decode(),
    }
    # A secret of several lines (a private key) may be written line by line; its edges tell nothing.
    found.update(line for line in value.splitlines() if len(line) >= 16 and not line.startswith("-----"))
    return found


def told(reason: object, secrets: Redactor | None = None) -> str:
    """Return why something failed as it may be kept and shown: masked, and at most `LONGEST_REASON` long.

    Every reason goes through here before it is anybody's state, row, event or answer: much of it is what a
    vendor said, and some of them repeat what they were sent.
    """
    text: str = (secrets or redactor).redact(str(reason))
    if len(text) <= LONGEST_REASON:
        return text
    return f"{text[: LONGEST_REASON - _REASON_END - 3]} … {text[-_REASON_END:]}"


def told_in(value: Any) -> Any:
    """Return JSON that an adapter says of itself with its texts as `told` makes them."""
    value = redactor.redact(value)
    if isinstance(value, dict):
        return {k: told_in(v) for k, v in value.items()}
    if isinstance(value, list):
        return [told_in(v) for v in value]
    return told(value) if isinstance(value, str) else value


#: The process's own: secrets are process-wide, and a log line may hold any of them.
redactor = Redactor()

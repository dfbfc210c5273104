"""A conversation as models take it, and what may be left out of it when one refuses it. Pure.

Templates of Mistral and Gemma (vLLM, llama.cpp, LM Studio), deepseek-reasoner and Bedrock want the roles in
turns with the user first; Moonshot and GLM refuse a message without words; Gemma knows no system role.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from mindbot.domain.chat import ChatMessage

#: What stands for a message that came without words.
WORDLESS = "[no words]"
_SAID_BEFORE = "You opened this conversation yourself and said:"
#: Not "Cn": what this Python's tables do not know yet (emoji of later years) is seen by who reads it.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs"})
_SHAPED = frozenset({"user", "assistant"})


def wordless(text: str) -> bool:
    """Tell whether a text shows nothing: blanks, line ends, control and format characters alone."""
    if text[:1].isalnum():  # as nearly always; each line of a history is looked at for each prompt
        return False
    return all(unicodedata.category(c) in _UNSEEN or _is_no_character(c) for c in text)


def _is_no_character(c: str) -> bool:
    """Tell of the code points that Unicode gives to nobody, for good (the Unicode Standard, 23.7)."""
    return "\ufdd0" <= c <= "\ufdef" or ord(c) & 0xFFFE == 0xFFFE


def shaped(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Return a conversation that the strictest vendor takes.

    System lines become one at the top. Lines without words go, but for the last of the user, which becomes
    `WORDLESS`. Neighbours of one role are joined. What the assistant said before the user said anything
    becomes part of the system line. Calls of tools and their results stay as they are.
    """
    system = [m.content for m in messages if m.role == "system" and not wordless(m.content)]
    origin = next((m.origin for m in messages if m.role == "system"), "")
    lines: list[ChatMessage] = []
    opening: list[str] = []
    for n, m in enumerate(messages):
        if m.role == "system":
            continue
        if m.role in _SHAPED and not m.tool_calls:
            if wordless(m.content):
                if n < len(messages) - 1 or m.role != "user":
                    continue
                m = replace(m, content=WORDLESS)
            if not lines and m.role == "assistant":
                opening.append(m.content)
                continue
            if lines and lines[-1].role == m.role and not lines[-1].tool_calls:
                lines[-1] = replace(lines[-1], content=f"{lines[-1].content}\n{m.content}")
                continue
        lines.append(m)
    if opening:
        system.append("\n".join([_SAID_BEFORE, *opening]))
    return [*([ChatMessage("system", "\n\n".join(system), origin=origin)] if system else []), *lines]


def size(messages: Sequence[ChatMessage]) -> int:
    """Return the characters of a conversation."""
    return sum(len(m.content) for m in messages)


def within(messages: Sequence[ChatMessage], most: int) -> list[ChatMessage]:
    """Leave out the oldest lines of a conversation until it has at most ``most`` characters.

    No answer is left without its question. System lines, the last line of the user and what follows it
    always stay. Use it before `shaped`, which joins what may go with what must stay.
    """
    last = _question(messages)
    room = most - size(messages[last:]) - size([m for m in messages[:last] if m.role == "system"])
    begin = last
    for n in range(last - 1, -1, -1):
        if messages[n].role == "system":
            continue
        room -= len(messages[n].content)
        if room < 0:
            break
        if _begins(n, messages):
            begin = n
    return [m for n, m in enumerate(messages) if n >= begin or m.role == "system"]


def recent(lines: Sequence[ChatMessage], most: int) -> list[ChatMessage]:
    """Return the newest lines of a history that fit into ``most`` characters.

    A line that takes more than a quarter of that is cut: one long paste must not be all that is remembered.
    No answer is left without its question.
    """
    longest = most // 4
    room, found = most, list[ChatMessage]()
    for line in reversed(lines):
        if len(line.content) > longest:
            line = replace(line, content=f"{line.content[: longest - 1]}…")
        room -= len(line.content)
        if room < 0:
            break
        found.append(line)
    begin = len(lines) - len(found)
    while begin < len(lines) and not _begins(begin, lines):
        begin += 1
    return found[: len(lines) - begin][::-1]


def past(messages: Sequence[ChatMessage]) -> Sequence[ChatMessage]:
    """Return the lines of a conversation that are history: neither instructions nor the question."""
    return [m for m in messages[: _question(messages)] if m.role != "system"]


def without_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Put the instructions before the first line of the user, for models without a system role."""
    system = [m.content for m in messages if m.role == "system"]
    lines = [m for m in messages if m.role != "system"]
    if system and lines and lines[0].role == "user":
        lines[0] = replace(lines[0], content="\n\n".join([*system, lines[0].content]))
    return lines


def _question(messages: Sequence[ChatMessage]) -> int:
    """Return where the last line of the user is."""
    return next((n for n in range(len(messages) - 1, -1, -1) if messages[n].role == "user"), len(messages))


def _begins(n: int, messages: Sequence[ChatMessage]) -> bool:
    """Tell whether what is left may begin with this line: one of the user, or what the bot said unasked."""
    before = next((m for m in reversed(messages[:n]) if m.role != "system"), None)
    if messages[n].role == "assistant":
        return before is None or (before.role == "assistant" and not before.tool_calls)
    return messages[n].role == "user"

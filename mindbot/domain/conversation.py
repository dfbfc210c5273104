"""A conversation as models take it, and what may be left out of it when one refuses it. Pure.

Templates of Mistral and Gemma (vLLM, llama.cpp, LM Studio), deepseek-reasoner and Bedrock want the roles in
turns with the user first; Moonshot and GLM refuse a message without words; Gemma knows no system role.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from mindbot.domain import origins
from mindbot.domain.chat import ChatMessage, ChatPart, Text, ToolCall

#: What stands for a message that came without words.
WORDLESS = "[no words]"
#: Before what somebody of the team said in the bot's place: the model has not thought of it itself.
_BY_A_PERSON = "[said by a person in your place]"
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


def by_a_person(said: str) -> str:
    """Return what an operator said in the bot's place as a model is told it."""
    return f"{_BY_A_PERSON}\n{said}" if said else ""


class _Shaped(list[ChatMessage]):
    """A conversation that `shaped` returned: nobody changes it, and it is not looked at again."""


def shaped(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Return a conversation that the strictest vendor takes; one that this returned comes back as it is.

    System lines become one at the top. Lines without words go, but for the last of the user, which becomes
    `WORDLESS`. Neighbours of one role are joined. What the assistant said before the user said anything
    becomes part of the system line. Calls of tools and their results stay as they are.
    """
    if isinstance(messages, _Shaped):
        return messages
    if _in_shape(messages):
        return _Shaped(messages)
    system = [m.parts for m in messages if m.role == "system" and not wordless(m.content)]
    lines: list[ChatMessage] = []
    opening: list[tuple[ChatPart, ...]] = []
    for n, m in enumerate(messages):
        if m.role == "system":
            continue
        if m.role in _SHAPED and not m.tool_calls:
            if wordless(m.content) and not m.attachments:
                if n < len(messages) - 1 or m.role != "user":
                    continue
                m = ChatMessage(m.role, WORDLESS, origin=origins.STAND_IN)
            if not lines and m.role == "assistant":
                opening.append(m.parts)
                continue
            if lines and lines[-1].role == m.role and not lines[-1].tool_calls:
                lines[-1] = ChatMessage(m.role, _joined([lines[-1].parts, m.parts], "\n"))
                continue
        lines.append(m)
    if opening:
        system.append(_joined([(Text(_SAID_BEFORE, origins.STAND_IN),), *opening], "\n"))
    top = [ChatMessage("system", _joined(system, "\n\n"))] if system else []
    return _Shaped([*top, *lines])


def _in_shape(messages: Sequence[ChatMessage]) -> bool:
    """Tell whether a conversation is questions and answers by turns, the user first, as nearly always."""
    role = "user"
    for n, m in enumerate(messages):
        if n == 0 and m.role == "system":
            expected = "system"
        else:
            expected, role = role, "assistant" if role == "user" else "user"
        if m.role != expected or len(m.parts) != 1 or not isinstance(m.parts[0], Text):
            return False
        if wordless(m.parts[0].text):
            return False
    return True


def _joined(lines: Sequence[tuple[ChatPart, ...]], between: str) -> tuple[ChatPart, ...]:
    """Join the parts of lines; each keeps its origin."""
    if len(lines) == 1:
        return lines[0]
    out: list[ChatPart] = []
    for n, parts in enumerate(lines):
        if n:
            out.append(Text(between, origins.JOINED))
        out += parts
    return tuple(out)


def size(messages: Sequence[ChatMessage]) -> int:
    """Return the characters of a conversation: those of its texts, results and calls."""
    return sum(map(_length, messages))


def _length(message: ChatMessage) -> int:
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):
        return len(parts[0].text)
    return len(message.content) + sum(len(p.arguments) for p in parts if isinstance(p, ToolCall))


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
        room -= _length(messages[n])
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
        content = line.content
        if len(content) > longest:
            content = f"{content[: longest - 1]}…"
            line = ChatMessage(line.role, content, origin=line.origin)
        room -= len(content)
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
    system = [m.parts for m in messages if m.role == "system"]
    lines = [m for m in messages if m.role != "system"]
    if system and lines and lines[0].role == "user":
        lines[0] = ChatMessage("user", _joined([*system, lines[0].parts], "\n\n"))
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

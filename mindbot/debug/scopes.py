"""What a turn is at one moment, in parts that an operator reads, and sets while it is parked."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from mindbot.domain.chat import Attachment, ChatMessage, ChatPart, Text
from mindbot.domain.errors import WrongValue
from mindbot.domain.message import Part, text_part
from mindbot.domain.plain import plain
from mindbot.domain.shapes.turns import Json, RouteJson
from mindbot.domain.turn import Turn
from mindbot.domain.variables import check_variable

_MESSAGE = "message"  # the origin of what the message says in a prompt, as `compose` writes it
_EDITED = "operator"  # the origin of what an operator wrote into one
_LONGEST = 200_000  # characters of a value
SCOPES = ("message", "route", "context", "prompt", "answer", "reply", "variables")
_PLACE = re.compile(r"\{([a-z]+(?:\.[^.{}\s]+)*)\}")
_NAME = re.compile(r"[^.\s_{}][^.\s{}]*")


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to choose from: runners, workflows and providers by name."""

    runners: Collection[str] = ()
    workflows: Collection[str] = ()
    providers: Collection[str] = ()


def scopes_of(turn: Turn) -> Json:
    """Return all scopes of a turn, by name."""
    message, reply = turn.message, turn.reply
    return {
        "message": {
            "text": message.text,
            "kind": message.kind,
            "parts": [part.to_json() for part in message.parts],
            "sender": message.sender,
            "chat": message.chat,
            "received": message.received,
        },
        "route": dict(turn.route),
        "context": {
            "session": message.context,
            "attempt": turn.attempt,
            "history": [line.to_json() for line in turn.history],
        },
        "prompt": [line.to_json() for line in turn.prompt],
        "answer": {"text": reply.text or "".join(turn.saying or ())},
        "reply": [part.to_json() for part in reply.parts],
        "variables": {k: v for k, v in turn.vars.items() if not k.startswith("_")},
    }


def writable(turn: Turn) -> list[str]:
    """Return the paths that may be set now; ``variables.NAME`` and ``prompt.N`` by their heads."""
    paths = ["message.text", "variables", "route.runner", "route.workflow", "route.provider", "route.model"]
    if turn.prompt:
        paths.append("prompt")
    if turn.reply.parts:
        paths.append("answer.text")
    return [*paths, "reply"]


def value_at(turn: Turn, path: str) -> Any:
    """Return what stands at a path, None where nothing does."""
    value: Any = scopes_of(turn)
    for step in path.split("."):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def places(template: str) -> list[str]:
    """Return the paths that a log point names."""
    return _PLACE.findall(template)


def rendered(template: str, turn: Turn) -> str:
    """Return the words of a log point: each ``{path}`` is what stands there."""

    def word(found: re.Match[str]) -> str:
        value = value_at(turn, found[1])
        return "" if value is None else str(value)

    return _PLACE.sub(word, template)


def set_at(turn: Turn, path: str, value: Any, known: Known) -> None:
    """Set what stands at a path; raises WrongValue, which says what is allowed."""
    value = plain(value)
    if len(str(value)) > _LONGEST:
        raise WrongValue(f"{path}: at most {_LONGEST} characters")
    head, _, rest = path.partition(".")
    setter = _SETTERS.get(head)
    if setter is None:
        raise WrongValue(f"{path} cannot be set", hint=f"these can: {', '.join(writable(turn))}")
    setter(turn, path, rest, value, known)


def _text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{path} is a text, not {_called(value)}")
    return value


def _set_message(turn: Turn, path: str, rest: str, value: Any, known: Known) -> None:
    if rest != "text":
        raise WrongValue(f"{path} cannot be set", hint="of the message only message.text can")
    text = _text(path, value)
    others = [part for part in turn.message.parts if part.kind != "text" or part.foreign]
    turn.message = replace(turn.message, parts=(text_part(text), *others))
    for n, line in enumerate(turn.prompt):
        if any(isinstance(part, Text) and part.origin == _MESSAGE for part in line.parts):
            kept = [p for p in line.parts if not (isinstance(p, Text) and p.origin == _MESSAGE)]
            turn.prompt[n] = ChatMessage(line.role, [Text(turn.message.text, _MESSAGE), *kept])


def _set_variables(turn: Turn, path: str, rest: str, value: Any, known: Known) -> None:
    if rest:
        if not _NAME.fullmatch(rest):
            raise WrongValue(
                f"{path}: {rest!r} is no name of a variable", hint="letters, not _ first, no dots"
            )
        if value is None and rest != "together":
            turn.vars.pop(rest, None)
        else:
            check_variable(rest, value)
            turn.vars[rest] = value
        return
    if not isinstance(value, dict) or not all(_NAME.fullmatch(name) for name in value):
        raise WrongValue("variables is an object of values by name", hint="set one: variables.NAME")
    for name, each in value.items():
        if name not in turn.vars or turn.vars[name] != each:
            check_variable(name, each)
    ours = {k: v for k, v in turn.vars.items() if k.startswith("_") or k == "together"}
    turn.vars.clear()
    turn.vars |= ours | value


def _set_route(turn: Turn, path: str, rest: str, value: Any, known: Known) -> None:
    allowed: Mapping[str, Collection[str] | None] = {
        "runner": known.runners,
        "workflow": known.workflows,
        "provider": known.providers,
        "model": None,
    }
    if rest not in allowed:
        raise WrongValue(f"{path} cannot be set", hint=f"of the route: {', '.join(allowed)}")
    name, names = _text(path, value), allowed[rest]
    if names is not None and name not in names and (name or rest == "runner"):
        raise WrongValue(
            f"{path}: no {rest} {name!r}", hint=f"there are: {', '.join(sorted(names)) or 'none'}"
        )
    route = cast("Json", turn.route)
    if name:
        route[rest] = name
    else:
        route.pop(rest, None)
    turn.route["by"] = "operator"
    if rest == "workflow" and name and "workflow" in known.runners:
        turn.route["runner"] = "workflow"


def _set_prompt(turn: Turn, path: str, rest: str, value: Any, known: Known) -> None:
    if not turn.prompt:
        raise WrongValue("there is no prompt yet", hint="it is made by the stage compose: stop before run")
    if not rest:
        if not isinstance(value, list) or not value:
            raise WrongValue("prompt is a list of lines", hint='[{"role": "user", "content": "…"}]')
        turn.prompt = [_line(turn, f"prompt.{n}", line) for n, line in enumerate(value)]
        return
    at, _, inside = rest.partition(".")
    if not at.isdecimal() or int(at) >= len(turn.prompt) or inside not in ("", "content"):
        raise WrongValue(
            f"{path} cannot be set", hint=f"prompt.N or prompt.N.content, N from 0 to {len(turn.prompt) - 1}"
        )
    n = int(at)
    if not inside:
        turn.prompt[n] = _line(turn, path, value)
        return
    line = turn.prompt[n]
    others = [part for part in line.parts if not isinstance(part, Text)]
    turn.prompt[n] = ChatMessage(line.role, [Text(_text(path, value), _EDITED), *others])


def _line(turn: Turn, path: str, value: Any) -> ChatMessage:
    try:
        line = ChatMessage.from_json(value)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise WrongValue(f"{path} is no line of a prompt", hint='{"role": "user", "content": "…"}') from error
    if line.role not in ("system", "user", "assistant", "tool"):
        raise WrongValue(f"{path}: no role {line.role!r}", hint="system, user, assistant or tool")
    return ChatMessage(line.role, [_written(turn, path, part) for part in line.parts])


def _written(turn: Turn, path: str, part: ChatPart) -> ChatPart:
    """Return a part as it may stand in a prompt. What is attached is what the turn has already: a path, an
    address or bytes from outside would let whoever edits read any file of this host."""
    if isinstance(part, Attachment):
        had = (old for line in turn.prompt for old in line.attachments)
        same = next((old for old in had if _place(old) == _place(part)), None)
        if same is None:
            raise WrongValue(
                f"{path}: nothing new can be attached",
                hint="keep what is attached as it stands, or leave it out",
            )
        return same
    told = part.to_json()
    if not all(isinstance(each, str) for key, each in told.items() if key != "failed"):
        raise WrongValue(f"{path}: a {part.kind} has a value that is no text", hint="put it in quotes")
    return replace(part, origin=part.origin or _EDITED) if isinstance(part, Text) else part


def _place(part: Attachment) -> tuple[object, ...]:
    return part.kind, part.type, part.path, part.url, part.data


def _set_answer(turn: Turn, path: str, rest: str, value: Any, known: Known) -> None:
    if rest != "text":
        raise WrongValue(f"{path} cannot be set", hint="answer.text can")
    if not turn.reply.parts:
        raise WrongValue(
            "there is no answer yet",
            hint="stop after run, or answer in its place: mindbot debug answer TURN TEXT",
        )
    text = _text(path, value)
    others = [part for part in turn.reply.parts if part.kind not in ("text", "markdown")]
    turn.reply.parts[:] = [text_part(text), *others] if text else others


def _set_reply(turn: Turn, path: str, rest: str, value: Any, known: Known) -> None:
    if rest or not isinstance(value, list):
        raise WrongValue("reply is a list of parts", hint='[{"kind": "text", "text": "…"}]')
    try:
        parts = [Part.from_json(part) for part in value]
    except (LookupError, TypeError, AttributeError) as error:
        raise WrongValue("reply has a part that is none", hint='{"kind": "text", "text": "…"}') from error
    if any(
        part.kind not in ("text", "markdown") or part.data for part in parts if part not in turn.reply.parts
    ):
        raise WrongValue(
            "reply: what is new in it is text or markdown, without data",
            hint='{"kind": "text", "text": "…"}; other parts stay as they stand, or are left out',
        )
    turn.reply.parts[:] = parts


def _called(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "yes or no", int: "a number", float: "a number"}
    return names.get(type(value), "nothing")


_SETTERS: dict[str, Callable[[Turn, str, str, Any, Known], None]] = {
    "message": _set_message,
    "variables": _set_variables,
    "route": _set_route,
    "prompt": _set_prompt,
    "answer": _set_answer,
    "reply": _set_reply,
}


def answer_with(turn: Turn, text: str, by: str) -> None:
    """End a turn with an operator's words: no model is asked."""
    turn.state, turn.reason = "running", f"answered by {by}"
    turn.reply.parts[:] = [text_part(text)]
    route: RouteJson = {"runner": "operator", "why": f"answered by {by} at a breakpoint", "by": "operator"}
    turn.route = route


def drop(turn: Turn, by: str) -> None:
    """End a turn without a word."""
    turn.state, turn.reason = "dropped", f"dropped by {by} at a breakpoint"
    turn.reply.parts.clear()

"""What a user sees of a conversation: bubbles, made of what came in and of what was sent.

Not of replies: what a delivery did not carry was not seen, and what was not delivered says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mindbot.api.models import TurnView
from mindbot.domain.message import Json
from mindbot.domain.saying import Say, english
from mindbot.domain.turn import DONE_STATES
from mindbot_tui.cells import size

SHOWN = 4000  # characters of one text,
GROWING = 800  # and of the end of one that grows
CURSOR = "▌"  # stands at the end of a text that grows
_OVER = ("sent", "dead", "discarded", "unknown")
FILES = ("image", "voice", "video", "file")

Side = Literal["user", "bot", ""]
Block = tuple[str, str]  # what it is (text, title, button, field, file, quote) and what it says


@dataclass(frozen=True, slots=True)
class Bubble:
    """Something that one side said, or (without a side) that happened between them. ``note`` stands under it,
    in the style ``kind``; ``at`` is Unix seconds."""

    side: Side
    name: str
    at: float
    blocks: tuple[Block, ...]
    note: str = ""
    kind: str = "dim"


def exchange(turn: TurnView, saying: str = "", say: Say = english, as_of: str = "") -> Iterator[Bubble]:
    """Yield what a user sees of one turn; ``saying`` is what its answer says so far.

    With ``as_of`` nothing is known of it since that time: what was under way is told as it was then.
    """
    yield from _asked(turn, say)
    for each in turn.deliveries:
        sent = _sent(turn, each, saying, say)
        unsure = as_of and sent.note and each.get("state") not in _OVER
        yield _stood(sent, say, as_of) if unsure else sent
    if turn.deliveries:
        return
    if turn.state == "queued":
        waits = Bubble("", "", 0.0, (), say("not begun yet"), "wait")
        yield _stood(waits, say, as_of) if as_of else waits
    elif turn.state not in DONE_STATES:
        types = Bubble("bot", turn.bot, 0.0, (), say("typing …"), "busy")
        yield _stood(types, say, as_of) if as_of else types
    elif isinstance(other := turn.vars.get("together"), str):
        yield Bubble("", "", 0.0, (), say("answered together with {turn}", turn=other))
    else:
        style = "bad" if turn.state in ("failed", "dead") else "dim"
        yield Bubble("", "", 0.0, (), say("nothing was sent"), style)


def _stood(bubble: Bubble, say: Say, as_of: str) -> Bubble:
    """Return it as it was when it was last known of: grey, with the time, and nothing that grows."""
    blocks = tuple(
        (kind, f"{text.removesuffix(CURSOR)}…" if text.endswith(CURSOR) else text)
        for kind, text in bubble.blocks
    )
    note = f"{bubble.note.removesuffix('…').rstrip()} · {say('as of {time}', time=as_of)}"
    return replace(bubble, blocks=blocks, note=note, kind="dim")


def _asked(turn: TurnView, say: Say) -> Iterator[Bubble]:
    """Yield what came in."""
    kind = str(turn.message.get("kind") or "")
    if kind == "push":
        return
    parts = turn.message.get("parts") or [{"kind": "text", "text": turn.text}]
    blocks = tuple(block for part in parts for block in blocks_of(part, say))
    if kind == "event":
        text = " ".join(text for _, text in blocks) or kind
        yield Bubble("", "", turn.received, (), text)
        return
    user = turn.vars.get("user")
    name = str(user.get("name") or "") if isinstance(user, dict) else ""
    yield Bubble("user", name or turn.user, turn.received, blocks)


def _sent(turn: TurnView, each: Json, saying: str, say: Say) -> Bubble:
    """Return what a delivery put on the screen, and how it fared."""
    state, notes = str(each.get("state", "")), each.get("notes") or {}
    parts = each.get("parts") or [{"kind": "text", "text": each.get("text", "")}]
    blocks = tuple(block for part in parts for block in blocks_of(part, say))
    at = float(each.get("ended") or each.get("created") or 0.0)
    note, kind = _fared(each, state, notes, say)
    if state == "open" and turn.state not in DONE_STATES:
        end = saying if len(saying) <= GROWING else f"…{saying[-GROWING:]}"
        blocks = (("text", f"{end}{CURSOR}"),) if saying else ()
    return Bubble("bot", str(each.get("bot") or turn.bot), at, blocks, note, kind)


def _fared(each: Json, state: str, notes: Json, say: Say) -> tuple[str, str]:
    error = str(each.get("error") or "")
    if notes.get("taken_back"):
        return say("taken back"), "drop"
    if notes.get("failed"):
        return f"✗ {say('not delivered')}: {notes['failed']}", "bad"
    match state:
        case "sent":
            return "", ""
        case "dead":
            return f"✗ {say('not delivered')}: {error}".removesuffix(": "), "bad"
        case "discarded":
            return say("put away unsent"), "drop"
        case "unknown":
            return say("it may have arrived"), "wait"
        case "open":
            return say("typing …"), "busy"
        case _ if error:
            return say("tried {n} times: {error}", n=each.get("attempts") or 1, error=error), "wait"
        case _:
            return say("not sent yet"), "wait"


def blocks_of(part: Any, say: Say) -> Iterator[Block]:
    """Yield what a part looks like."""
    if not isinstance(part, dict):
        return
    kind, text, data = str(part.get("kind", "")), str(part.get("text") or ""), part.get("data") or {}
    match kind:
        case "quote":
            yield "quote", text
        case "text" | "markdown" | "transfer" | "mention":
            yield "text", text
        case "card":
            yield from _card(text, data)
        case "link":
            yield "title", str(data.get("title") or text)
            yield "field", str(data.get("url") or "")
        case _ if kind in FILES:
            about = (data.get("name"), size(float(data["size"])) if _number(data.get("size")) else "")
            yield "file", " ".join([f"[{say(kind)}]", *(str(each) for each in about if each)])
        case _:
            yield "file", f"[{kind}] {text}".rstrip()


def _card(text: str, data: Json) -> Iterator[Block]:
    title = str(data.get("title") or "")
    if title:
        yield "title", title
    if text and text != title:
        yield "text", text
    for each in _dicts(data.get("feed")):
        yield "title", str(each.get("title") or "")
    form = data.get("form")
    for each in _dicts(form.get("fields") if isinstance(form, dict) else form):
        yield "field", f"{each.get('label') or each.get('name') or ''}: ____"
    for each in _dicts(data.get("buttons")):
        yield "button", f"[ {each.get('text') or each.get('id') or '?'} ]"


def _dicts(found: object) -> Sequence[Json]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0

"""Makes golden conversations of turns as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.message import Json
from mindbot.domain.turn import DONE_STATES
from mindbot.golden.facts import end_of, failure_of, model_of, workflows_of
from mindbot.golden.file import VERSION, GoldenAnswer, GoldenEnd, GoldenFile, GoldenTalk, GoldenTurn
from mindbot.golden.masking import Masker
from mindbot.rehearsal.scenario import GROUPS, PLATFORMS


@dataclass(slots=True)
class _Talk:
    """A conversation while it is put together; ``lines`` are those that a model could be shown of it."""

    turns: list[GoldenTurn] = field(default_factory=list)
    lines: int = 0


def recorded(turns: Sequence[Json], masker: Masker) -> GoldenFile | None:
    """Return the conversations that turns are of, in the order in which each began; None where nothing of
    them can be kept. ``turns`` is all that the API says of each, the oldest first."""
    for turn in turns:  # first all that is to be masked, for a message may name who comes later
        person = turn.get("vars", {}).get("user") or {}
        masker.names([str(turn.get("user_name") or ""), str(person.get("name") or "")])
        masker.id("user", str(turn.get("user") or ""))
        masker.id("group", _group(turn))
    talks: dict[str, _Talk] = {}
    heads: dict[str, Json] = {}
    for turn in turns:
        if turn.get("kind") == "push" or turn.get("message", {}).get("kind") == "push":
            continue
        session = str(turn["session"])
        heads.setdefault(session, turn)
        talk = talks.setdefault(session, _Talk())
        talk.turns.append(made := _turn(turn, talk, masker))
        talk.lines += 0 if made.skip or turn["state"] != "answered" else 2
    if not talks:
        return None
    found = [_talk(n, heads[session], talk, masker) for n, (session, talk) in enumerate(talks.items(), 1)]
    return GoldenFile(golden=VERSION, conversations=tuple(found))


def _talk(n: int, head: Json, talk: _Talk, masker: Masker) -> GoldenTalk:
    return GoldenTalk(
        name=f"conversation {n}",
        platform=head["platform"],
        bot=head["bot"],
        user=masker.id("user", str(head.get("user") or "")) or f"user{n}",
        group=masker.id("group", _group(head)),
        turns=tuple(talk.turns),
    )


def _group(turn: Json) -> str:
    """Return the group that a turn was said in; empty where it was said to the bot alone."""
    message: Json = turn.get("message") or {}
    chat = str(message.get("chat") or "")
    grouped = (
        turn["platform"] in GROUPS
        and chat
        and str(turn["session"]).startswith(f"{turn['platform']}:{turn['bot']}:{chat}:")
    )
    return chat if grouped else ""


def _turn(turn: Json, talk: _Talk, masker: Masker) -> GoldenTurn:
    end = end_of(turn) if turn["state"] in DONE_STATES else GoldenEnd()
    if end.prompt is not None and (end.prompt.history or 0) > talk.lines:
        # What was said before is not in this file, and cannot be shown to a model again.
        end = end.model_copy(update={"prompt": end.prompt.model_copy(update={"history": None})})
    return GoldenTurn(
        text=masker.text(str(turn.get("text") or "")),
        skip=_not_played(turn),
        answers=tuple(_answers(turn, masker)),
        expect=masked_end(end, masker),
    )


def masked_end(end: GoldenEnd, masker: Masker) -> GoldenEnd:
    """Return facts with what is personal in their words masked."""
    prompt = end.prompt
    if prompt is not None:
        prompt = prompt.model_copy(update={"instructions": masker.text(prompt.instructions)})
    return end.model_copy(update={"reply": masker.text(end.reply), "prompt": prompt})


def _not_played(turn: Json) -> str:
    """Return why a turn cannot be played again; empty where it can."""
    message: Json = turn.get("message") or {}
    kind = str(message.get("kind") or turn.get("kind") or "text")
    if turn["state"] not in DONE_STATES:
        return f"it was {turn['state']} when it was recorded"
    if isinstance(turn.get("vars", {}).get("together"), str):
        return "it was answered together with an earlier message"
    if kind != "text" or not str(turn.get("text") or "").strip():
        return f"it is of the kind {kind}; only text is played"
    if turn["platform"] not in {*PLATFORMS, "console"}:
        return f"nobody stands in for {turn['platform']}"
    if str(turn.get("reason") or "").startswith(("limits:", "stale:")):
        return "it was dropped for its time"
    return ""


def _answers(turn: Json, masker: Masker) -> list[GoldenAnswer]:
    """Return who answered what. What a step does not say of its own is what the turn says."""
    spans: list[Json] = turn.get("spans") or []
    reply = masker.text(str(turn.get("reply") or "").strip())
    found: dict[str, GoldenAnswer] = {}
    for asked in workflows_of(spans):
        name, failure = asked["name"], failure_of(asked)
        said = asked.get("data", {}).get("reply")
        text = reply if said is None else masker.text(str(said).strip())
        found[name] = GoldenAnswer(
            workflow=name, **({"failed": masker.text(failure)} if failure else {"text": text})
        )
    answers = list(found.values())
    span = model_of(spans)
    if span is not None:
        error: Any = span.get("data", {}).get("error") if span.get("status") == "error" else None
        why = str(error.get("message", "") if isinstance(error, dict) else error or "")
        answers.append(GoldenAnswer(failed=masker.text(why)) if why else GoldenAnswer(text=reply))
    if any(each.get("data", {}).get("summed_up_by") for each in spans):
        answers.append(GoldenAnswer(text=reply))
    return answers

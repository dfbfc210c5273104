"""Makes the message of a replay: all that it takes over of its original is copied into it."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from time import time
from typing import cast

from mindbot.domain import ids
from mindbot.domain.chat import ChatMessage
from mindbot.domain.errors import Conflict, Invalid, MindBotError
from mindbot.domain.message import Message, Part
from mindbot.domain.ports.store import Queries
from mindbot.domain.shapes.replays import ReplayOrder, ReplayPlan
from mindbot.domain.shapes.turns import Json, RouteJson
from mindbot.domain.turn import DONE_STATES, RETRIED, Turn
from mindbot.domain.variables import check_variable
from mindbot.runtime.bots import Bots
from mindbot.runtime.forks import Forks
from mindbot.runtime.generation import Generation
from mindbot.workflows.remembered import is_note

_TEXTS = ("message.text", "text")
#: In a recorded text that was too long: see `mindbot.domain.sent.clipped_text`.
_CUT = re.compile(r"… [\d,]+ (?:characters|entries) left out …")
#: Runners that answer without being chosen: what a rule, an adapter or an operator says.
_NOT_CHOSEN = frozenset({"", "reply", "greeting", "push"})
#: What of a route is not followed again: who is asked aside, and a form that is answered already.
_ONLY_ONCE = ("shadow", "form", "action", "inputs")


class ReplayPlans:
    """See the module."""

    def __init__(self, history: Forks, bots: Bots) -> None:
        self._history = history
        self._bots = bots

    async def message(self, of: Turn, order: ReplayOrder, now: Generation, queries: Queries) -> Message:
        """Return the message that makes a turn again.

        Raises:
            Conflict: it has not ended, or what is wanted of it was not kept.
            Invalid: it makes no sense.
            NotFound: there is no such workflow.
        """
        self._check(of, order, now)
        said = await self._said(of, queries)
        key = ids.show(ids.new_id())
        plan = await self._plan(of, order, now)
        return replace(
            said,
            key=f"replay-{key}",
            session=of.session if order.send else f"replay:{key}",
            parts=_edited(said.parts, order.edits),
            received=time(),
            origin="replay",
            tried_for="" if order.send else of.message.context,
            replay=plan,
        )

    def _check(self, of: Turn, order: ReplayOrder, now: Generation) -> None:
        if of.state not in DONE_STATES and not order.aside:
            raise Conflict(f"turn {of.id} is {of.state}: it has not ended", hint="replay it once it has")
        if of.message.kind in ("push", "unreadable"):
            raise Invalid(f"turn {of.id} is a {of.message.kind}: nobody asked anything")
        if order.send and of.message.tried_for:
            raise Conflict(
                f"turn {of.id} reached nobody: it is a dry run, so its replay is not sent",
                hint="replay the turn that it tries again, or send the text as a message of its own",
            )
        if order.recorded and (order.send or order.edits or order.workflow or order.model):
            raise Invalid(
                "what was recorded cannot be changed or sent", hint="leave --recorded, or the changes, away"
            )
        if order.recorded and not of.memo:
            raise Conflict(
                f"nothing is recorded of the steps of {of.id}", hint="replay it without --recorded"
            )
        if order.workflow and order.model:
            raise Invalid("a workflow or a model answers, not both")
        if order.workflow:
            now.workflows.get(order.workflow)
        known = [*now.stages, *(key for key in of.memo if not is_note(key))]
        if order.from_stage and order.from_stage not in known:
            raise Invalid(f"no stage or step {order.from_stage!r}", hint=f"there are: {', '.join(known)}")
        for path, value in order.edits.items():
            if path not in _TEXTS and not _settable(path):
                raise Invalid(
                    f"nothing can be put at {path!r}",
                    hint="message.text, variables.NAME, route.runner, route.workflow, route.provider, "
                    "route.model",
                )
            head, _, name = path.partition(".")
            if head in ("variables", "vars") and not order.aside:  # a jury's are the turn's own
                check_variable(name, value)

    async def _said(self, of: Turn, queries: Queries) -> Message:
        """Return what was asked: with all that it was answered together with, and the files that came."""
        message = of.message
        others = of.vars.get("together")
        if isinstance(others, list) and others:
            bot = self._bots.find(message.platform, message.bot)
            if bot.merges is not None:
                message = bot.merges.merge([message, *[await queries.message_of(each) for each in others]])
        files = of.memo.get("media") or {}
        return replace(
            message, parts=tuple(_with(part, files.get(str(n))) for n, part in enumerate(message.parts))
        )

    async def _plan(self, of: Turn, order: ReplayOrder, now: Generation) -> ReplayPlan:
        memo = {key: value for key, value in of.memo.items() if not is_note(key) and key != RETRIED}
        by_form = of.route.get("by") == "form"
        if by_form and not (order.reuse_approvals or order.recorded):
            # What a person chose in the form is asked for again: the message goes where others like it go.
            memo = {key: value for key, value in memo.items() if key not in ("route", "run")}
        if order.recorded:
            memo.setdefault("people", {"user": of.vars.get("user") or {}})
        then = order.recorded or order.mode == "then"
        recorded_history, instructions = _prompted(of) if then else (None, None)
        if recorded_history is None:
            m, turns = of.message, now.loaded.config.session.history_turns
            group = f"{m.platform}:{m.bot}:{m.chat}"
            heard = group if m.context.startswith(f"{group}:") else ""
            lines = await self._history.until(m.context, of.number, turns, heard) if turns else []
            recorded_history = [line.to_json() for line in lines]
        plan: ReplayPlan = {
            "of": of.id,
            "mode": "then" if then else "now",
            "from_stage": order.from_stage,
            "recorded": order.recorded,
            "reuse_approvals": order.reuse_approvals,
            "memo": memo,
            "history": recorded_history,
            "instructions": instructions,
            "route": _route(of, order, now, then=then and not (by_form and not order.reuse_approvals)),
            "edits": {path: value for path, value in order.edits.items() if path not in _TEXTS},
        }
        if order.aside:
            plan["aside"] = True
        if by_form and order.reuse_approvals and not order.recorded and not order.from_stage:
            # The vendor takes an answer to a form once: what came of it then is what comes of it now.
            plan["recorded"] = True
        return deepcopy(plan)


def _settable(path: str) -> bool:
    head, _, name = path.partition(".")
    if head == "route":
        return name in ("runner", "workflow", "provider", "model")
    return head in ("variables", "vars") and bool(name) and not name.startswith("_")


def _edited(parts: tuple[Part, ...], edits: Json) -> tuple[Part, ...]:
    """Put another text into what was said, in the place of its first words."""
    wanted = next((str(edits[path]) for path in _TEXTS if path in edits), None)
    if wanted is None:
        return parts
    texts = [n for n, part in enumerate(parts) if part.kind in ("text", "markdown") and not part.foreign]
    if not texts:
        return (Part("text", wanted), *parts)
    new = {n: replace(parts[n], text=wanted if n == texts[0] else "") for n in texts}
    return tuple(new.get(n, part) for n, part in enumerate(parts))


def _with(part: Part, facts: Json | None) -> Part:
    return replace(part, data=part.data | facts) if facts and "media" in facts else part


def _prompted(of: Turn) -> tuple[list[Json] | None, list[Json] | None]:
    """Return what had been said before a turn, and what stood before that, as its model was told; None where
    no model was asked, or the record of it was cut."""
    for span in of.spans:
        if span.kind != "model" or not isinstance(asked := span.data.get("request"), dict):
            continue
        try:
            lines = [ChatMessage.from_json(line) for line in asked["messages"]]
        except (LookupError, TypeError, ValueError, AttributeError):
            return None, None
        if any(_CUT.search(line.content) for line in lines):
            return None, None
        last = max((n for n, line in enumerate(lines) if line.role == "user"), default=len(lines))
        first = next((n for n, line in enumerate(lines) if line.role != "system"), last)
        return [line.to_json() for line in lines[first:last]], [line.to_json() for line in lines[:first]]
    return None, None


def _route(of: Turn, order: ReplayOrder, now: Generation, *, then: bool) -> RouteJson:
    """Return where a replay goes; empty where that is decided anew."""
    if order.workflow:
        why = "the operator wants this workflow to answer the replay"
        return {"runner": "workflow", "workflow": order.workflow, "why": why}
    if order.model:
        return _by_model(order.model, now)
    went = of.route.get("runner", "")
    if not then or went in _NOT_CHOSEN or went not in now.runners:
        return {}
    decided: RouteJson = deepcopy(of.memo.get("route", {}).get("route") or of.route)
    route = cast("RouteJson", {k: v for k, v in decided.items() if k not in _ONLY_ONCE})
    if asked := of.vars.get("instead_of"):
        route["workflow"] = str(asked)
    for span in of.spans:
        if (
            span.kind == "model"
            and (provider := span.data.get("provider"))
            and provider in now.loaded.config.providers
        ):
            route["provider"], route["model"] = str(provider), str(span.data.get("model") or "")
            break
    route["why"] = f"as it went then: {of.route.get('why', '')}".rstrip(": ")
    return route


def _by_model(named: str, now: Generation) -> RouteJson:
    """Read ``PROVIDER``, ``PROVIDER/MODEL`` or ``MODEL``."""
    why = "the operator wants this model to answer the replay"
    providers = now.loaded.config.providers
    provider, _, model = named.partition("/")
    if named in providers:
        return {"runner": "chat", "provider": named, "why": why}
    if model and provider in providers:
        return {"runner": "chat", "provider": provider, "model": model, "why": why}
    if not providers:
        raise Invalid("no provider is configured that could answer")
    route: RouteJson = {"runner": "chat", "model": named, "why": why}
    try:
        route["provider"] = now.loaded.config.chat.provider or now.providers.default()
    except MindBotError as error:
        raise Invalid(f"no provider can be asked for {named!r}: {error}") from error
    return route

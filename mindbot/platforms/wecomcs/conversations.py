"""Whose conversation it is, and who takes it over.

Source: WeCom developer centre, "Assigning conversations" (path/94669).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from mindbot.domain import fields
from mindbot.domain.abilities import Silence
from mindbot.domain.errors import Conflict, Invalid, Rejected, StoreError
from mindbot.domain.host import Keep
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.records import message_record
from mindbot.domain.shapes.turns import HandedJson
from mindbot.domain.turn import Turn
from mindbot.filters import language
from mindbot.platforms.wecom_shared.api import Api

if TYPE_CHECKING:
    from mindbot.platforms.wecomcs.settings import WeComCsSettings

log = structlog.get_logger("mindbot.platforms.wecomcs")

NEW, BOT, POOL, PERSON, ENDED = range(5)
STATES = {NEW: "new", BOT: "bot", POOL: "queueing for people", PERSON: "with a person", ENDED: "ended"}
_TARGETS = {"bot": BOT, "pool": POOL, "end": ENDED}
_CODES = {POOL: 48 * 3600.0, PERSON: 48 * 3600.0}  # seconds a code for an answer is good


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A conversation went to people. ``code`` is for one message to the customer, empty when WeCom gives
    none; it ends at ``until`` (Unix seconds). ``who`` says to whom in words. ``again`` is whether that was
    before: the code may have been used."""

    who: str
    code: str = ""
    until: float = 0.0
    again: bool = False


class Conversations:
    """The conversations of one bot; WeCom keeps their states."""

    def __init__(self, api: Api, keep: Keep, settings: WeComCsSettings, clock: Callable[[], float]) -> None:
        self._api = api
        self._keep = keep
        self._settings = settings
        self._clock = clock
        self._rules = [
            (language.parse(rule.when).compile(), rule.when, rule.to, rule.say)
            for rule in settings.handoff_rules
        ]

    async def silence(self, message: Message) -> Silence | None:
        """Ask whose conversation it is, take a new one, and hand it over where a rule or keyword says so."""
        to = message.reply_to
        state, servicer = await self.state(to)
        wanted = self._wanted(message)
        why, done = _not_ours(state, servicer), None
        if wanted is not None:
            # An earlier run of this turn may have handed it over and died before it could say so.
            done = await (
                self._before(message.key, state) if why else self.hand_over(to, wanted[1], message.key)
            )
        if wanted is not None and done is not None:
            reason, _, say = wanted
            parts: tuple[Part, ...] = ()
            if done.code and say:
                data = {"code": done.code, "until": done.until, "handed": message.key}
                parts = (Part("text", say, data),)
            return Silence(f"handed to {done.who}: {reason}", parts, "user")
        if why is not None:
            return why
        if state == NEW and self._settings.take_sessions:
            try:
                await self.move(to, BOT)
            except Rejected as error:
                if error.code != "95016":
                    raise
                return _not_ours(*await self.state(to))  # somebody was quicker
        return None

    def _wanted(self, message: Message) -> tuple[str, str, str] | None:
        """Return why a message goes to people, to whom, and what is said; None when it does not."""
        s = self._settings
        if self._rules:
            record = message_record(Turn(0, message))
            for matches, when, to, say in self._rules:
                if matches(record):
                    return f"rule {when!r}", to, say or s.handoff_message
        text = message.said.casefold()
        for word in s.handoff_keywords:
            if word and word.casefold() in text:
                return f"the customer said {word!r}", s.handoff_to, s.handoff_message
        return None

    async def hand_over(self, to: Json, target: str, cause: str) -> HandedOver:
        """Bring a conversation to ``pool`` or a servicer; the pool takes the place of one who is not there.

        ``cause`` (a message's key, a delivery's id) gets the same code when it comes again after a crash.

        Raises:
            Rejected: WeCom refuses; a conversation that people have already is left as it is.
        """
        state, servicer = await self.state(to)
        if (before := await self._before(cause, state)) is not None:
            return before
        if state in (POOL, PERSON):
            return HandedOver(f"people already ({_words(state, servicer)})")
        goal, note = _TARGETS.get(target, PERSON), ""
        try:
            answer = await self.move(to, goal, target)
        except Rejected as error:
            if goal != PERSON or error.code not in ("95014", "95019"):
                raise
            goal, note = POOL, f", as {target} is not there ({error.code})"
            answer = await self.move(to, POOL)
        return await self._noted(cause, answer, goal, f"the pool{note}" if goal == POOL else target)

    async def hold(self, to: Json) -> None:
        """See that the bot serves a conversation, in whose name an operator speaks.

        What is sent by the API passes in the states `NEW` and `BOT` alone; of a new one people may be given.

        Raises:
            Conflict: people have it, or it has ended.
            Invalid: it is no customer's.
            VendorError: WeCom refused.
        """
        if not to.get("touser"):
            raise Invalid("it is no customer's conversation", hint="see: mindbot session list")
        state, servicer = await self.state(to)
        if state == NEW:
            try:
                await self.move(to, BOT)
                return
            except Rejected as error:
                if error.code != "95016":
                    raise
                state, servicer = await self.state(to)  # somebody was quicker
        if state in (POOL, PERSON, ENDED):
            ended = state == ENDED
            hint = "the customer must write again" if ended else "people answer it in WeCom, or end it there"
            raise Conflict(f"the conversation is {_words(state, servicer)}", hint=hint)

    async def transfer(self, address: Json, to: str) -> tuple[HandedJson, HandedOver]:
        """Hand a conversation to ``pool``, ``bot``, ``end``, or a servicer by user id.

        Returns the new state, and the code for a message to the customer: also one of an earlier try whose
        message was not said.

        Raises:
            Conflict: its state does not allow that.
            VendorError: WeCom refused.
        """
        goal, cause = _TARGETS.get(to, PERSON), operators_cause(address, to)
        try:
            answer = await self.move(address, goal, to)
        except Rejected as error:
            if error.code not in ("95013", "95016"):
                raise
            state, servicer = await self.state(address)
            ended = "the customer must write again"
            hint = ended if state == ENDED else "people hand it on, not back to the bot"
            raise Conflict(f"the conversation is {_words(state, servicer)}", hint=hint) from error
        done = await self._noted(cause, answer, goal, to)
        state, servicer = await self.state(address)
        if not done.code:
            done = await self._before(cause, state) or done
        return {"state": STATES.get(state, str(state)), "servicer": servicer}, done

    async def _noted(self, cause: str, answer: Json, goal: int, who: str) -> HandedOver:
        """Keep the code that a change brought before it is used: WeCom gives it once."""
        code, valid = fields.text(answer.get("msg_code")), _CODES.get(goal, 20.0)
        done = HandedOver(who, code, self._clock() + valid)
        if code:
            try:
                value = {"state": goal, "who": who, "code": code, "until": done.until}
                await self._keep.put(_handed_key(cause), value, ttl=valid)
            except StoreError as error:  # better used now than not at all
                log.warning("a code is not kept", cause=cause, error=str(error))
        return done

    async def _before(self, cause: str, state: int) -> HandedOver | None:
        """Return what the same cause brought before, where its code is still good; it ends with the state."""
        kept = fields.mapping(await self._keep.get(_handed_key(cause)))
        code, until = fields.text(kept.get("code")), fields.number(kept.get("until"))
        if kept.get("state") != state or not code or until < self._clock():
            return None
        return HandedOver(fields.text(kept.get("who")), code, until, again=True)

    async def said(self, cause: str) -> None:
        """Forget a code that was used."""
        try:
            await self._keep.put(_handed_key(cause), None)
        except StoreError as error:
            log.warning("a used code is still kept", cause=cause, error=str(error))

    async def state(self, to: Json) -> tuple[int, str]:
        """Return the state of a conversation, and the servicer of one that is with a person."""
        body = {"open_kfid": to["open_kfid"], "external_userid": to["touser"]}
        answer = await self._api.post("kf/service_state/get", body)
        # The documents and a known client disagree about the name of the second.
        servicer = fields.text(answer.get("servicer_userid")) or fields.text(answer.get("service_userid"))
        # One that cannot be read stops nobody: WeCom refuses what its own state does not allow.
        return fields.whole(answer.get("service_state", NEW), BOT), servicer

    async def move(self, to: Json, state: int, servicer: str = "") -> Json:
        """Change the state of a conversation; raises VendorError."""
        body = {"open_kfid": to["open_kfid"], "external_userid": to["touser"], "service_state": state}
        if state == PERSON:
            body["servicer_userid"] = servicer
        return await self._api.post("kf/service_state/trans", body)

    async def check(self, to: Json) -> None:
        """Look once more before something is said: a person may have come in between.

        Raises:
            Rejected: the bot has nothing to say now.
        """
        state, servicer = await self.state(to)
        if state in (POOL, PERSON, ENDED):
            raise refused(state, servicer)


def operators_cause(to: Json, target: str) -> str:
    """Return the cause that an operator's hand-over is."""
    return f"operator:{to['open_kfid']}:{to['touser']}:{target}"


def _handed_key(cause: str) -> str:
    return f"handed:{cause}"


def refused(state: int, servicer: str) -> Rejected:
    """Return why nothing can be said in a state."""
    hint = "people answer now" if state in (POOL, PERSON) else "the customer must write again"
    return Rejected(f"not sent: the conversation is {_words(state, servicer)}", hint=hint, code="95018")


def _not_ours(state: int, servicer: str) -> Silence | None:
    if state in (POOL, PERSON, ENDED):
        return Silence(f"the conversation is {_words(state, servicer)}", heard="user")
    return None


def _words(state: int, servicer: str) -> str:
    who = f": {servicer}" if servicer else ""
    return f"{STATES.get(state, state)}{who}"

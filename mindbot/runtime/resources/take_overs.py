"""Taking sessions over: an operator answers in the bot's place, and hands back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
import structlog

from mindbot.domain import ids
from mindbot.domain.abilities import Place
from mindbot.domain.bot import Bot
from mindbot.domain.errors import Conflict, Forbidden, Invalid, NotFound, StoreError
from mindbot.domain.message import OPERATOR, Json, Message, Part
from mindbot.domain.operators import Operator
from mindbot.domain.shapes.take_overs import HandedBackJson, Running, SaidJson, TakenJson, TakingJson
from mindbot.domain.turn import Turn
from mindbot.runtime.answering import OnShow
from mindbot.runtime.bots import Bots
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.resources.injection import Injection
from mindbot.runtime.resources.questions import Questions
from mindbot.runtime.take_over import TakenSession, TakeOvers

#: One line for every action of an operator; never what was said.
audit = structlog.get_logger("mindbot.audit")


@dataclass(frozen=True, slots=True)
class _Conversation:
    """A session's bot and the address that reaches it; ``place`` is as messages from there say it."""

    session: str
    bot: Bot
    address: Json
    place: Place


class TakeOverResource:
    """Answers ``/v1/sessions/…/take``, ``say``, ``hand-back``; ``stop`` ends an answer by its turn's id."""

    def __init__(
        self,
        take_overs: TakeOvers,
        bots: Bots,
        questions: Questions,
        dispatcher: Dispatcher,
        outbox: Outbox,
        on_show: OnShow,
        injection: Injection,
        stop: Callable[[str], bool],
    ) -> None:
        self._take_overs = take_overs
        self._bots = bots
        self._questions = questions
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._on_show = on_show
        self._injection = injection
        self._stop = stop

    def list_taken(self) -> list[TakenJson]:
        """Return the sessions that are taken, the first ones first."""
        return [self._take_overs.line(taken) for taken in self._take_overs.all]

    async def take(
        self, session: str, operator: Operator, *, running: Running = "draft", force: bool = False
    ) -> TakingJson:
        """Give a session to an operator; nothing changes for one who has it already.

        Answers that are being made are kept from the user and shown to the operator (``draft``), said
        (``finish``) or ended (``drop``); one that is growing before the user's eyes ends where it is.

        Raises:
            NotFound: no such session.
            Conflict: another operator has it (see ``force``), or the platform's own people.
            Forbidden: only admins take a session from another user.
            VendorError, StoreError: not now.
        """
        talk = await self._conversation(session)
        self._may(session, operator, force, "take")
        if talk.bot.holds is not None:
            await talk.bot.holds.hold(talk.address)
        async with self._take_overs.changing:
            self._may(session, operator, force, "take")
            before = self._take_overs.named(session)
            if before is not None and before.session == session and _has(before, operator):
                return {
                    **self._take_overs.line(before),
                    "running": [],
                    "on_the_way": len(self._waiting(talk)),
                }
            now = time.time()
            taken = TakenSession(
                session, talk.bot.platform, talk.bot.name, operator.user, operator.console, now, now
            )
            turns = [t for t in self._dispatcher.begun() if taken.has(t.session) and t.message.written]
            if before is not None:
                taken.waiting, taken.lets = before.waiting, [*before.lets]
            if running == "finish":
                taken.lets += [turn.number for turn in turns]
            with anyio.CancelScope(shield=True):
                await self._take_overs.begin(taken)
        if running != "finish":
            self._end_answers(turns, drop=running == "drop")
        audit.info("session taken", **_who(operator), action="take", session=session, forced=force)
        going, on_the_way = [turn.id for turn in turns], len(self._waiting(talk))
        return {**self._take_overs.line(taken), "running": going, "on_the_way": on_the_way}

    def _end_answers(self, turns: Sequence[Turn], *, drop: bool) -> None:
        for turn in turns:
            if drop or turn.number in self._on_show:
                self._take_overs.cut(turn, throw_away=drop)
                self._stop(turn.id)

    async def say(
        self, session: str, operator: Operator, *, text: str = "", files: Sequence[str] = (), key: str = ""
    ) -> SaidJson:
        """Say something in the bot's place, durable before it returns; the same ``key`` says nothing twice.

        Raises:
            NotFound: no such session or file.
            Conflict: this operator has not taken it, or nothing can be said there now.
            Invalid: nothing to say.
            VendorError, StoreError: not now; it may be said again with the same key.
        """
        talk = await self._conversation(session)
        self._mine(session, operator)
        parts = await self._injection.parts(text, files)
        if not parts:
            raise Invalid("nothing to say", hint="a text, a file, or both")
        await self._held(session, talk)
        if await self._left(talk) == 0:
            said = "as many messages as the platform allows have gone out since the user wrote"
            raise Conflict(f"nothing can be said now: {said}", hint="the user must write again")
        message = self._message(talk, operator, parts, key or ids.show(ids.new_id()))
        async with self._take_overs.changing:
            taken = self._mine(session, operator)
            before, taken.acted, taken.waiting = (taken.acted, taken.waiting), time.time(), 0.0
            try:
                receipt = await self._injection.take_in(message, [self._take_overs.kept(taken)])
            except StoreError:
                taken.acted, taken.waiting = before
                raise
        turn = ids.show(receipt.turn)
        if not receipt.duplicate:
            self._hurry(session)
            self._take_overs.said(taken, turn, operator.user, operator.console)
            audit.info("said in the bot's place", **_who(operator), action="say", session=session, turn=turn)
        return {"session": session, "turn": turn, "left": await self._left(talk)}

    def _message(self, talk: _Conversation, operator: Operator, parts: Sequence[Part], key: str) -> Message:
        first, now = parts[0], time.time()
        by = Part(first.kind, first.text, {**first.data, "by": operator.user})
        return Message(
            platform=talk.bot.platform,
            bot=talk.bot.name,
            key=f"say-{key}",
            session=talk.session,
            sender=talk.place.user,
            kind="push",
            parts=(by, *parts[1:]),
            reply_to=talk.address,
            chat=talk.place.chat,
            ts=now,
            received=now,
            origin=OPERATOR,
        )

    def _hurry(self, session: str) -> None:
        """Let a draft end that is still being made: what the operator says would wait behind it."""
        turn = self._dispatcher.first(session)
        if turn is not None and self._take_overs.withholds(turn) is not None:
            self._take_overs.cut(turn)
            self._stop(turn.id)

    async def hand_back(
        self, session: str, operator: Operator, *, to: str = "bot", force: bool = False
    ) -> HandedBackJson:
        """Give a session back to the bot, or (``to``) to the platform's own people; see `Transfers`.

        Raises:
            NotFound: no such session.
            Conflict: nobody has taken it, another has (see ``force``), or its state does not allow it.
            Forbidden: only admins hand back what another user has taken.
            Invalid: the platform has nobody to give it to.
            VendorError, StoreError: not now; it stays taken.
        """
        taken = self._take_overs.named(session)
        if taken is None:
            raise _not_taken(session)
        self._may(session, operator, force, "hand back")
        if to != "bot":
            talk = await self._conversation(session)
            if talk.bot.transfers is None:
                raise Invalid(f"{talk.bot.platform} has nobody to hand a session to", hint="leave `to` out")
            await talk.bot.transfers.transfer(talk.address, to)
        why = f"handed to {to}" if to != "bot" else "handed back"
        if not await self._take_overs.end(taken, why, by=operator.user, console=operator.console):
            raise _not_taken(session)
        audit.info("session handed back", **_who(operator), action="hand-back", session=session, to=to)
        waiting = taken.waiting or None
        return {"session": taken.session, "taken_by": taken.by, "to": to, "waiting_since": waiting}

    # --- whose it is

    def _may(self, session: str, operator: Operator, force: bool, what: str) -> None:
        """Raise Conflict where others have a session, or its group or members, and Forbidden."""
        taken = self._take_overs.beside(session)
        if taken is None or _has(taken, operator):
            return
        if not force:
            raise _others(taken, "`--force` (force: true) does it all the same, and is kept in the log")
        if taken.by != operator.user and not operator.admin:
            raise Forbidden(f"{taken.whose} has {taken.session}: only admins {what} it by force")

    def _mine(self, session: str, operator: Operator) -> TakenSession:
        taken = self._take_overs.named(session)
        if taken is None:
            raise _not_taken(session)
        if not _has(taken, operator):
            raise _others(taken, "take it first, by force where you must: `mindbot session take`")
        return taken

    async def _held(self, session: str, talk: _Conversation) -> None:
        """See that the platform lets the bot speak; where its own people have the session, it is theirs."""
        if talk.bot.holds is None:
            return
        try:
            await talk.bot.holds.hold(talk.address)
        except Conflict as error:
            if (taken := self._take_overs.named(session)) is not None:
                await self._take_overs.end(taken, error.message)
            raise

    # --- where it is

    async def _conversation(self, session: str) -> _Conversation:
        queries = await self._questions.queries()
        try:
            message = await queries.last_message(session)
        except NotFound:
            return await self._group(session)
        bot = self._bots.find(message.platform, message.bot)
        address = dict(message.reply_to)
        if "stream" in address:  # it answers no message: there is nothing that could grow
            address["stream"] = False
        place = Place(session, message.sender, message.chat)
        if bot.places is not None:
            place = bot.places.place(address)
        return _Conversation(session, bot, address, place)

    async def _group(self, session: str) -> _Conversation:
        """Return a group as a whole, of which only its members' sessions are known."""
        platform, _, rest = session.partition(":")
        name, _, chat = rest.partition(":")
        bot = self._bots.bots.get((platform, name))
        if bot is None or bot.groups is None or not chat:
            raise NotFound(f"no session {session!r}", hint="`mindbot session list` shows them")
        await (await self._questions.queries()).last_in_group(session)
        return _Conversation(session, bot, bot.groups.address_group(chat), Place(session, chat, chat))

    def _waiting(self, talk: _Conversation) -> list[str]:
        return self._outbox.waiting_in((talk.bot.platform, talk.bot.name, talk.session))

    async def _left(self, talk: _Conversation) -> int | None:
        rationed = talk.bot.rationed
        return await rationed.left(talk.address, self._waiting(talk)) if rationed is not None else None


def _has(taken: TakenSession, operator: Operator) -> bool:
    return operator.is_at(taken.by, taken.console)


def _who(operator: Operator) -> dict[str, str]:
    return {"who": operator.user, "console": operator.console}


def _not_taken(session: str) -> Conflict:
    return Conflict(f"nobody has taken {session} over", hint=f"mindbot session take {session}")


def _others(taken: TakenSession, hint: str) -> Conflict:
    since = time.strftime("%H:%M:%S", time.localtime(taken.since))
    return Conflict(f"{taken.whose} has {taken.session} since {since}", hint=hint)

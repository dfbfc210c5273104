"""Forms that workflows wait for, answered from the chat: offered as words, on disk until the run ends.

No turn waits for a person. The turn whose run paused ends with the words of the form; the message that
answers it is a turn of its own, whose answer is what the run says from there on. One row a session is on
disk, so that a restart forgets nothing and a second click finds out that it is the second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import anyio
import structlog

from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import Conflict, MindBotError, NotFound, WorkflowPaused
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.domain.turn import Clock, Turn
from mindbot.workflows import form_words as words
from mindbot.workflows.apps import UNREAD, AppCall
from mindbot.workflows.form_words import FormAction, FormInput, FormReply, PendingForm, folded, read_reply

_PREFIX = "form:"
_DAY = 86_400.0
_LIFE = 7 * _DAY  # seconds a form without an end is kept
_LATE = _DAY  # seconds one is kept beyond its end, so that who answers then is told
_AGAIN = 30.0  # seconds after its answer in which the same click is a second one
_UNDER_WAY = 3600.0  # seconds that its answer may be under way
_MOST = 10_000  # sessions whose forms are known by heart
_LONGEST = 20_000  # characters of a form's text, and of one input
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FormMatch:
    """What a message is to the forms of its session.

    Where ``say`` is set it is the whole reply, and nobody is asked: which of several is meant, what is
    missing, that it was answered already or has expired. Else it answers ``form``: its ``workflow`` and
    ``replica`` go on with ``action`` and ``inputs``.
    """

    form: PendingForm
    action: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    say: str = ""


class Resumes(Protocol):
    """Who tells an app what was said to its form; see `App.resume`."""

    def resume(self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]) -> Chunks:
        """See `App`."""


class Forms:
    """See the module. All methods raise StoreError."""

    def __init__(self, keep: Keep, clock: Clock = time.time) -> None:
        self._keep = keep
        self._clock = clock
        self._sessions: set[str] | None = None  # that have forms; None: nobody knows, so that each is read

    async def load(self) -> None:
        """Learn which sessions have forms, so that the messages of all others cost no look."""
        rows = await self._keep.items(_PREFIX, limit=_MOST)
        if len(rows) < _MOST:
            self._sessions = {key.removeprefix(_PREFIX) for key in rows}

    async def of(self, session: str) -> list[PendingForm]:
        """Return the forms of a session that can be answered, the oldest first."""
        return [form for form in await self._all(session) if form.state == "open"]

    async def offer(
        self, turn: Turn, workflow: str, replica: str, paused: WorkflowPaused, then: Sequence[str] = ()
    ) -> str:
        """Keep the forms that a run waits for, and who works on its answer ``then``; return what the user
        reads.

        Forms that the session has already (parallel ones, a turn that runs again) are not kept twice, and
        those of the same run that are still open are said again.
        """
        known = await self._all(turn.session)
        forms = self._with(turn, known, workflow, replica, paused, tuple(then))
        await self._write(turn.session, forms)
        here = {str(form.get("form_token", "")) for form in paused.forms}
        shown = [f for f in forms if f.state == "open" and (f.token in here or _same_run(f, paused.ids))]
        return "\n\n".join(filter(None, [paused.said, *map(words.offered, shown)]))

    async def match(self, turn: Turn) -> FormMatch | None:
        """Return what a message is to the forms of its session that its sender is asked; None where it is
        about something else."""
        text = turn.message.said
        known = await self._asked(turn)
        came = turn.message.received or self._clock()
        replies = _replies(known, turn, came)
        if complete := [reply for reply in replies if reply.action or reply.form.wordy]:
            if len(complete) > 1:
                told = [(r.form, r.action) for r in complete if r.action]
                return FormMatch(complete[0].form, say=words.which(told))
            return await self._answer(turn, complete[0])
        if replies:
            return await self._filled(turn, replies)
        return _second_click(known, text, came)

    async def names_action(self, turn: Turn) -> bool:
        """Tell whether a message is an action of a form that its sender is asked, or was lately."""
        known, came = await self._asked(turn), turn.message.received or self._clock()
        if any(reply.action for reply in _replies(known, turn, came)):
            return True
        return _second_click(known, turn.message.said, came) is not None

    async def resume(
        self,
        turn: Turn,
        app: Resumes,
        call: AppCall,
        left_to_go_on: Callable[[Turn], bool] = lambda turn: False,
    ) -> Chunks:
        """Answer the form that ``turn.route`` names, with its ``action`` and ``inputs``; yield the answer.

        ``left_to_go_on`` tells, where this is left, whether the turn goes on in another process. That it was
        answered already or has expired, and which forms the run still waits for, are answers too.

        Raises:
            NotFound: nothing is known of the form.
            VendorError, TimedOut: as `App.resume`, but for WorkflowPaused; the form can be answered again.
        """
        token = turn.route.get("form", "")
        action, inputs = turn.route.get("action", ""), turn.route.get("inputs", {})
        form = next((f for f in await self._all(turn.session) if f.token == token), None)
        if form is None:
            raise NotFound("the form is not known any more", hint="the workflow has to be asked anew")
        if form.state != "open" and form.by != turn.id:
            yield Chunk(words.already(form), finish="stop")
            return
        said = _title(form, action)
        form = replace(form, state="taken", by=turn.id, said=said, ended=self._clock())
        await self._put(turn.session, form)
        settled = False
        try:
            async with aclosing(app.resume(turn, call, dict(form.raw), action, inputs)) as chunks:
                async for chunk in chunks:
                    if chunk.finish and (counts := chunk.notes.get("form_answer", action)) != action:
                        chunk.text += f"\n\n{words.already(replace(form, said=_title(form, counts)))}"
                    yield chunk
            await self._run_ended(turn.session, form)
            settled = True
        except WorkflowPaused as paused:
            await self._done(turn.session, form)
            settled = True
            yield Chunk(await self._goes_on(turn, form, paused), afresh=True, finish="stop")
        except Conflict:
            await self._done(turn.session, form)
            settled = True
            yield Chunk(words.already(form), afresh=True, finish="stop")
        except NotFound:
            await self._drop(turn.session, [form.token])
            settled = True
            yield Chunk(words.expired(form), afresh=True, finish="stop")
        except MindBotError as error:
            if getattr(error, "code", "") == UNREAD:
                await self._done(turn.session, form)
            else:  # the vendor may have it: who answers again gets what the run says to that
                await self._put(turn.session, replace(form, state="open", by="", ended=0.0))
            settled = True
            raise
        finally:
            if not settled and not left_to_go_on(turn):  # the run is stopped: there is nothing more to answer
                with anyio.CancelScope(shield=True):
                    await self._done(turn.session, form)

    async def forget(self, session: str, sender: str) -> int:
        """Forget all forms that a sender is asked in a session; return how many could still be answered."""
        known = await self._all(session)
        theirs = [form for form in known if _is_asked(form, sender)]
        if theirs:
            await self._write(session, [form for form in known if form not in theirs])
        return sum(form.state == "open" for form in theirs)

    # --- what is on disk

    async def _all(self, session: str) -> list[PendingForm]:
        if self._sessions is not None and session not in self._sessions:
            return []
        row = await self._keep.get(_PREFIX + session)
        if row is None and self._sessions is not None:  # their time is over
            self._sessions.discard(session)
        found = []
        for each in row["forms"] if row else ():
            try:
                found.append(PendingForm.from_json(each))
            except (LookupError, TypeError, ValueError) as exc:  # it costs itself, not the session
                _log.warning("a form cannot be read", session=session, error=str(exc))
        return found

    async def _asked(self, turn: Turn) -> list[PendingForm]:
        forms = await self._all(turn.session)
        return [form for form in forms if _is_asked(form, turn.message.sender)]

    async def _write(self, session: str, forms: Sequence[PendingForm]) -> None:
        now = self._clock()
        kept = [f for f in forms if f.state != "answered" or f.ended + _AGAIN > now]
        life = max((f.expires + _LATE - now if f.expires else _LIFE for f in kept), default=0.0)
        value = {"forms": [form.to_json() for form in kept]} if kept else None
        if self._sessions is not None and kept:
            self._sessions.add(session)
        await self._keep.put(_PREFIX + session, value, ttl=max(life, 1.0) if kept else 0.0)
        if self._sessions is not None and not kept:
            self._sessions.discard(session)

    async def _put(self, session: str, form: PendingForm) -> None:
        forms = await self._all(session)
        await self._write(session, [form if each.token == form.token else each for each in forms])

    async def _done(self, session: str, form: PendingForm) -> None:
        await self._put(session, replace(form, state="answered", ended=self._clock()))

    async def _drop(self, session: str, tokens: Iterable[str]) -> None:
        gone = set(tokens)
        await self._write(session, [f for f in await self._all(session) if f.token not in gone])

    async def _run_ended(self, session: str, form: PendingForm) -> None:
        """The run of a form is over: nobody waits for its other forms any more."""
        done = replace(form, state="answered", ended=self._clock())
        forms = [done if f.token == form.token else f for f in await self._all(session)]
        await self._write(session, [f for f in forms if f.state != "open" or not _same_run(f, form.ids)])

    def _with(
        self,
        turn: Turn,
        known: list[PendingForm],
        workflow: str,
        replica: str,
        paused: WorkflowPaused,
        then: tuple[str, ...],
    ) -> list[PendingForm]:
        """Return the known forms and those that a run waits for; actions are numbered on."""
        forms, tokens = list(known), {form.token for form in known}
        number = max((a.number for f in known if f.state == "open" for a in f.actions), default=0)
        for raw in paused.forms:
            if (token := str(raw.get("form_token", ""))) in tokens:
                continue
            tokens.add(token)
            form = _form(raw, number, token, workflow, replica, dict(paused.ids))
            forms.append(replace(form, offered=self._clock(), then=then, asked=turn.message.sender))
            number += len(form.actions)
        return forms

    # --- answers

    async def _answer(self, turn: Turn, reply: FormReply) -> FormMatch:
        form, action = reply.form, reply.action
        if form.expires and form.expires <= self._clock() and not form.said:  # else the vendor may have it
            await self._drop(turn.session, [form.token])
            return FormMatch(form, say=words.expired(form))
        if form.wordy:
            return FormMatch(form, inputs=reply.inputs)
        assert action is not None
        inputs = form.resolved(reply.inputs)
        if lacks := [each for each in form.inputs if each.required and not inputs[each.name].strip()]:
            filled = {**form.filled, **reply.inputs}
            await self._put(turn.session, replace(form, filled=filled, wanted=action.id))
            return FormMatch(form, say=words.missing(form, lacks))
        return FormMatch(form, action.id, inputs)

    async def _filled(self, turn: Turn, replies: list[FormReply]) -> FormMatch:
        """Take inputs that came without an action: it may be known, or the only one, else it is asked."""
        first = replies[0]
        if len(replies) == 1:
            form = first.form
            only = form.actions[0] if len(form.actions) == 1 else None
            if (action := form.action(form.wanted) or only) is not None:
                return await self._answer(turn, replace(first, action=action))
        for reply in replies:
            filled = {**reply.form.filled, **reply.inputs}
            await self._put(turn.session, replace(reply.form, filled=filled))
        if len(replies) == 1:
            return FormMatch(first.form, say=words.choose(first.form))
        told = [(reply.form, action) for reply in replies for action in reply.form.actions]
        return FormMatch(first.form, say=words.which(told))

    async def _goes_on(self, turn: Turn, form: PendingForm, paused: WorkflowPaused) -> str:
        """Return what is said where a run waits on after one of its forms was answered."""
        before = {each.token for each in await self.of(turn.session)}
        known = await self._all(turn.session)
        forms = self._with(turn, known, form.workflow, form.replica, paused, form.then)
        await self._write(turn.session, forms)
        fresh = [f for f in forms if f.state == "open" and f.token not in before]
        rest = [f for f in forms if f.token in before and f.state == "open" and _same_run(f, form.ids)]
        said = paused.said or words.taken(form)
        return "\n\n".join(filter(None, [said, *map(words.offered, fresh), words.still_open(rest)]))


def _title(form: PendingForm, action: str) -> str:
    chosen = form.action(action)
    return chosen.title if chosen else ""


def _same_run(form: PendingForm, ids: Mapping[str, str]) -> bool:
    """Tell whether a form is of the run with these ids."""
    common = form.ids.keys() & ids.keys()
    return bool(common) and all(form.ids[name] == ids[name] for name in common)


def _is_asked(form: PendingForm, sender: str) -> bool:
    """Tell whether a form is this sender's: who shares a session does not decide for another."""
    return form.asked in ("", sender)


def _replies(known: Sequence[PendingForm], turn: Turn, came: float) -> list[FormReply]:
    """Return what a message says to forms. What was written before one could be read is no answer to it."""
    asked = [f for f in known if (f.state == "open" and f.offered <= came) or f.by == turn.id]
    text = turn.message.said
    return _most_exact([reply for form in asked if (reply := read_reply(form, text))], text)


def _most_exact(replies: list[FormReply], text: str) -> list[FormReply]:
    """Leave out what matches less: an id or title beside a number, words beside an action."""
    named = [reply for reply in replies if reply.action or not reply.form.wordy]
    lines = {folded(line) for line in text.strip().splitlines()}
    by_number = [r for r in named if r.action and str(r.action.number) in lines]
    return by_number or named or replies[-1:]


def _second_click(known: Sequence[PendingForm], text: str, came: float) -> FormMatch | None:
    """Return that a form was answered already, where a message says to it what one before it did or could."""
    for form in reversed(known):
        fresh = came <= form.ended + (_AGAIN if form.state == "answered" else _UNDER_WAY)
        if form.state != "open" and fresh and not form.wordy:
            reply = read_reply(form, text)
            if reply is not None and reply.action is not None:
                return FormMatch(form, say=words.already(form))
    return None


# --- what apps give


def _form(raw: Json, number: int, token: str, workflow: str, replica: str, ids: Json) -> PendingForm:
    """Read a form of `WorkflowPaused`."""
    actions = [each for each in _dicts(raw.get("actions")) if each.get("id")]
    defaults = raw.get("defaults")
    defaults = defaults if isinstance(defaults, dict) else {}
    return PendingForm(
        token,
        workflow,
        replica,
        node=_text(raw.get("node")),
        content=_text(raw.get("content")),
        inputs=tuple(filter(None, (_input(each, defaults) for each in _dicts(raw.get("inputs"))))),
        actions=tuple(
            FormAction(str(each["id"]), _text(each.get("title")) or str(each["id"]), number + place)
            for place, each in enumerate(actions, 1)
        ),
        expires=_number(raw.get("expires")),
        ids={**ids, **(raw.get("ids") or {})},
        raw=raw,
    )


def _input(raw: Json, defaults: Json) -> FormInput | None:
    """Read an input; vendors call its name and its default by several names, or tell it beside the inputs."""
    name = next((raw[key] for key in ("name", "output_variable_name", "variable") if raw.get(key)), "")
    default = defaults.get(name, raw.get("default"))
    if isinstance(default, dict):
        default = default.get("value")
    said = "" if default is None else str(default)
    label = _text(raw.get("label"))
    return FormInput(str(name), label, said[:_LONGEST], bool(raw.get("required"))) if name else None


def _dicts(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list | tuple) else []


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0

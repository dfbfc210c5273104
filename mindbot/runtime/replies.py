"""A turn's reply as deliveries: what its platform can say of it, in how many messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import EmptyAnswer
from mindbot.domain.message import Message, Part, text_part
from mindbot.domain.turn import Turn
from mindbot.runtime.answering import OnShow
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.outbox import Outbox

_NAMED = 10  # questions that a common answer names; of more it tells the number
_QUOTED = 40  # characters of each question that a common answer names


def short(message: Message) -> str:
    """Return a message as a common answer names it: one line, not long."""
    text = " ".join((message.said or message.text).split())
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"


def _named(asked: Sequence[str]) -> str:
    """Name the messages that one reply answers; where they are many, the first ones and how many more."""
    lines = [f"「{text}」" for text in asked[:_NAMED]]
    if more := len(asked) - len(lines):
        lines.append(f"（另有 {more} 条消息 and {more:,} more messages）")
    return "\n".join(lines)


class Replies:
    """Plans what goes out at the end of a turn."""

    def __init__(self, outbox: Outbox, dispatcher: Dispatcher, on_show: OnShow) -> None:
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._on_show = on_show

    def _bot(self, turn: Turn) -> Bot | None:
        return self._outbox.bot(turn.message.platform, turn.message.bot)

    async def ration(self, turn: Turn) -> int:
        """Return how many messages the reply may have, 0 for any number.

        One is always tried: what cannot be said is kept with its reason.
        """
        m = turn.message
        bot = self._bot(turn)
        if bot is None or bot.rationed is None or not turn.reply.parts or m.tried_for:
            return 0
        waiting = self._outbox.waiting_in((m.platform, m.bot, m.session))
        left = await bot.rationed.left(m.reply_to, waiting)
        if left is None:
            return 0
        # Who wrote meanwhile gets an answer as well: one message is kept for it.
        behind = any(t.message.kind != "event" for t in self._dispatcher.behind(turn))
        return max(1, left - behind)

    def of(self, turn: Turn, most: int = 0) -> list[Delivery]:
        """Return the deliveries of a turn that ends, none of a dry run; ``most`` messages, 0: any number."""
        m = turn.message
        if m.tried_for:
            return []
        bot = self._bot(turn)
        parts = list(turn.reply.parts)
        if bot is None or bot.transfers is None:  # nobody is there to take over
            parts = [text_part(p.text) if p.kind == "transfer" else p for p in parts]
            parts = [p for p in parts if p.text or p.kind != "text"]
        if parts and "asked" in turn.vars:
            parts[0] = replace(parts[0], text=f"{_named(turn.vars['asked'])}\n\n{parts[0].text}")
        found: list[Delivery] = []
        if (shown := self._on_show.get(turn.number)) is not None:
            found.append(self._settled(shown, parts, turn, bot))
        if most and parts and bot is not None and bot.rationed is not None:
            planned = bot.rationed.plan_within(parts, most)
        else:
            planned = bot.adapter.plan(parts) if bot is not None and parts else [parts] if parts else []
        found += [
            Delivery(turn.number, n, m.platform, m.bot, m.session, m.reply_to, chunk, created=turn.finished)
            for n, chunk in enumerate(planned, start=len(found))
        ]
        for delivery in found:
            if cut := sum(int(part.data.get("cut", 0)) for part in delivery.parts):
                turn.vars["cut"] = cut  # characters of the reply that nobody gets
            self._outbox.first_state(delivery)
        return found

    def _settled(self, shown: Delivery, parts: list[Part], turn: Turn, bot: Bot | None) -> Delivery:
        """Give an answer that was on show its final text; the parts it says are taken out of ``parts``."""
        if self._on_show.interrupted(turn.number):
            shown.notes.interrupted = True
        shown.state = "pending"
        if bot is not None and bot.ends_whole is not None and (planned := bot.adapter.plan(parts)):
            shown.parts, parts[:] = planned[0], [part for message in planned[1:] for part in message]
            return shown
        said = [part for part in parts if part.kind in ("text", "markdown")]
        parts[:] = [part for part in parts if part not in said]
        notices = turn.generation.loaded.config.dispatcher
        stopped = turn.vars.get("finish") == "stopped"
        notice = notices.stop_notice if stopped else notices.failure_notice
        text = "\n".join(part.text for part in said) or ("…" if parts else notice or "…")
        kind = "markdown" if any(part.kind == "markdown" for part in said) else "text"
        shown.parts = [Part(kind, text)]
        return shown

    def unsaid(self, turn: Turn) -> EmptyAnswer | None:
        """Let an answer that leaves nothing to send end as what it is, with a notice for whoever asked.

        Returns: what it failed of; None where nobody waits for an answer.
        """
        m = turn.message
        kinds = ", ".join(dict.fromkeys(part.kind for part in turn.reply.parts))
        turn.reply.parts.clear()
        if not kinds and not m.written:
            turn.state, turn.reason = "dropped", "nothing to say"
            return None
        error = EmptyAnswer(f"{m.platform} can send nothing of it ({kinds})" if kinds else "nothing to say")
        turn.state, turn.reason = "failed", f"{error.kind}: {error}"
        if m.written:
            turn.reply.say(turn.generation.loaded.config.dispatcher.empty_notice)
        return error

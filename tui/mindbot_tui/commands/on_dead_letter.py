"""What can be done about dead letters: the selected one, or all that are marked."""

from __future__ import annotations

from collections.abc import Sequence

from mindbot.api import calls, models
from mindbot.domain.shapes.turns import Settling
from mindbot_tui.commands.base import Command
from mindbot_tui.surface import ShownPage, Surface

_AT_ONCE = 100  # in one call, so that one sees how it goes on
DONE = {"retry": "goes out again", "discard": "discarded", "restore": "is a dead letter again"}


class OnDeadLetter(Command):
    """Settles them."""

    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.dead_letters else console.words("no dead letter is selected")

    async def settle(
        self, console: Surface, letters: Sequence[str], action: Settling, done: list[str] | None = None
    ) -> None:
        """Do it, say what came of it, and list again.

        ``done`` takes the ids of those with which it went well, also when it breaks off. Raises MindBotError.
        """
        console.state.called(f"mindbot dlq {action} {' '.join(letters)}")
        page = None
        if len(letters) > _AT_ONCE:
            page = console.show_page(console.words("Dead letters"), "…")
        settled: list[models.SettledLetter] = []
        try:
            for start in range(0, len(letters), _AT_ONCE):
                some = letters[start : start + _AT_ONCE]
                answer = await console.api.ask(calls.settle_dead_letters(action, some))
                settled += answer.settled
                if done is not None:
                    done += [each.id for each in answer.settled if each.done]
                if page is not None:
                    page.put(console.words("{n} of {all} …", n=len(settled), all=len(letters)))
        finally:
            console.view.reload()
        self._tell(console, settled, action, page)
        if console.view.rows is not None:
            console.view.rows.unmark()

    def _tell(
        self,
        console: Surface,
        settled: Sequence[models.SettledLetter],
        action: Settling,
        page: ShownPage | None,
    ) -> None:
        words, failed = console.words, [each for each in settled if not each.done]
        done = words(DONE[action])
        if not failed and len(settled) == 1:
            said = f"{settled[0].id}: {done}"
        else:
            said = words("{n} of {all}: {done}", n=len(settled) - len(failed), all=len(settled), done=done)
        if len(failed) > 1 or (failed and page is not None):
            lines = [said, "", *(f"{each.id}  {each.why}" for each in failed)]
            page.put("\n".join(lines)) if page is not None else console.show_page(said, "\n".join(lines[2:]))
        elif failed:
            console.say(f"{said}; {failed[0].why}" if len(settled) > 1 else failed[0].why, "bad")
        elif page is not None:
            page.put(said)
        else:
            console.say(said)

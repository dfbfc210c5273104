"""Ask several models or workflows what they would answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mindbot.api import debug_calls as calls
from mindbot.api import workflow_calls
from mindbot.domain.errors import Invalid
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.on_parked import OnParked
from mindbot_tui.commands.on_workflow import seen
from mindbot_tui.fronts import HasVerdicts
from mindbot_tui.state.forms import Form, FormField, chosen_from
from mindbot_tui.surface import Surface


class AskJury(Command):
    name = "jury"
    help = "ask models or workflows what they would answer in the selected turn; pick one to answer with"
    argument = "[WHO WHO …]"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        return "" if console.view.turn else console.words("no turn is selected")

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return seen(console)

    async def run(self, console: Surface, argument: str) -> None:
        turn, words, named = console.view.turn, console.words, argument.split()
        if named:
            subject = " ".join([turn, *named])
            console.state.juries.pop(subject, None)  # the turn may be another by now
            await console.open_subject("jury", subject)
            return

        async def done(filled: Mapping[str, str]) -> None:
            who = [each for each in filled.values() if each]
            if not who:
                raise Invalid(words("name somebody to ask"))
            console.run_command(f"jury {' '.join(who)}")

        known = await console.api.ask(workflow_calls.workflows())
        names = chosen_from(*(each.name for each in known))
        about = words("a workflow, or PROVIDER/MODEL")
        labels = (words("the first"), words("the second"), words("the third"))
        fields = [FormField(f"juror{n}", label, "", about, names) for n, label in enumerate(labels)]
        note = words("each answers on a fork of the conversation; nobody gets it")
        console.fill_in(Form(words("Jury"), fields, done, note))


class PickVerdict(OnParked):
    name = "pick"
    help = "answer the parked turn with the selected answer of the jury"

    def unavailable(self, console: Surface, argument: str = "") -> str:
        view = console.view
        if not isinstance(view, HasVerdicts) or view.verdict is None:
            return console.words("no answer of a jury is selected")
        return super().unavailable(console, argument)

    async def run(self, console: Surface, argument: str) -> None:
        view, turn = console.view, console.view.turn
        assert isinstance(view, HasVerdicts) and view.verdict is not None
        text = view.verdict.answer.reply
        await self.act(console, ["answer", turn, text], calls.answer_turn(turn, text))
        said = console.words("{turn} is answered with what {who} said", turn=turn, who=view.verdict.juror)
        console.say(said)

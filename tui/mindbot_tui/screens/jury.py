"""A jury: what models and workflows would answer in a turn, side by side with what each cost and took."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mindbot.api import jury_calls, workflow_calls
from mindbot.api.jury_models import AskJury, Juror, JuryVerdict, JuryView
from mindbot.api.shown_providers import money
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import clean, took
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.widgets.line import Line, fitting
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.text import Text


class VerdictHead(Line):
    """A juror in one line: who it is, and what its answer took and cost."""

    def __init__(self, who: str) -> None:
        super().__init__()
        self._who = who
        self.verdict: JuryVerdict | None = None
        self.chosen = False

    def pieces(self, width: int) -> list[Piece]:
        found = self.verdict
        groups: list[list[Piece]] = [[(f" {clean(self._who)} ", "chip" if self.chosen else "name")]]
        if found is None:
            groups.append([(self.words("is asked …"), "busy")])
        elif found.error:
            groups.append([("✗", "bad")])
        else:
            groups.append([("✓ ", "ok"), (took(found.answer.took_ms / 1000), "text")])
            if found.answer.cost is not None:
                groups.append([(money(found.answer.cost, found.answer.currency), "number")])
            groups.append([(self.words("{n} tokens", n=f"{found.answer.tokens:,}"), "dim")])
        return fitting(groups, width)


class JuryScreen(View):
    view: ClassVar[str] = "jury"
    contexts: ClassVar[tuple[str, ...]] = ("jury",)
    BINDINGS = bindings("jury")  # type: ignore[assignment]
    AUTO_FOCUS = "Text"

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._named = subject
        self._turn, *self._who = subject.split(" ")
        self._asked_once = False

    @property
    def title_text(self) -> str:
        return self.console.words("Jury on {turn}", turn=self._turn)

    @property
    def subject(self) -> str:
        return self._named

    @property
    def turn(self) -> str:
        return self._turn

    @property
    def opens(self) -> bool:
        return False

    @property
    def _chosen(self) -> int:
        return next((n for n, text in enumerate(self._texts) if text.has_focus), 0)

    @property
    def verdict(self) -> JuryVerdict | None:
        """The one that is selected; None where it has no answer."""
        found = self._heads[self._chosen].verdict
        return None if found is None or found.error else found

    @property
    def text(self) -> Text:
        return self._texts[self._chosen]

    @property
    def text_name(self) -> str:
        return f"jury-{self._turn}-{self._who[self._chosen]}"

    def body(self) -> ComposeResult:
        self._heads: Sequence[VerdictHead] = [VerdictHead(who) for who in self._who]
        self._texts: Sequence[Text] = [Text() for _ in self._who]
        with Container(id="jury-panes"):
            for head, text in zip(self._heads, self._texts, strict=True):
                with Vertical(classes="juror"):
                    yield head
                    yield text

    def sync_lines(self) -> None:
        for n, head in enumerate(self._heads):
            head.chosen = n == self._chosen
        super().sync_lines()

    def _ask_again(self) -> None:
        """A jury is asked once: that costs money."""
        if self._asked_once or not self.console.state.link.attached:
            return
        self._asked_once = True
        if (known := self.console.state.juries.get(self._named)) is not None:
            self._show(known)
        else:
            self.reload()

    async def load(self) -> None:
        known = {each.name for each in await self.console.api.ask(workflow_calls.workflows())}
        jurors = [Juror(workflow=who) if who in known else Juror(model=who) for who in self._who]
        words = ["mindbot", "debug", "jury", self._turn]
        for each in jurors:
            words += ["--workflow", each.workflow] if each.workflow else ["--model", each.model]
        self.console.state.called(shlex.join(words))
        try:
            found = await self.console.api.ask(jury_calls.jury(self._turn, AskJury(jurors=jurors)))
        except MindBotError as error:
            for text in self._texts:
                text.put(str(error))
            raise
        self.console.state.juries[self._named] = found
        self._show(found)

    def _show(self, found: JuryView) -> None:
        for head, text, verdict in zip(self._heads, self._texts, found.verdicts, strict=False):
            head.verdict = verdict
            text.put(verdict.error or verdict.answer.reply)
        self.sync_lines()

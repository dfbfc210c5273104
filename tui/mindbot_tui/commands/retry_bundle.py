"""Try a whole bundle of failures again."""

from __future__ import annotations

from mindbot.api import calls, shown_failures
from mindbot_tui.commands.on_bundle import WINDOW, OnBundle
from mindbot_tui.surface import Surface


class RetryBundle(OnBundle):
    name = "retry-bundle"
    help = "try again what people of the selected cause wait for"
    needs = "operator"
    asks = True

    def unavailable(self, console: Surface, argument: str = "") -> str:
        if (why := super().unavailable(console, argument)) or (bundle := console.view.bundle) is None:
            return why
        return "" if bundle.waiting else console.words("nobody waits for any of these")

    async def run(self, console: Surface, argument: str) -> None:
        if (bundle := console.view.bundle) is None:
            return
        words = console.words
        question = words(
            "Try again ({who}): {what}? Whoever was answered since is left alone.",
            who=shown_failures.waiting(bundle, words),
            what=shown_failures.what(bundle),
        )
        if not await console.confirm(question):
            return
        console.state.called(f"mindbot failures {bundle.id} --retry")
        done = await console.api.ask(calls.retry_bundle(bundle.id, WINDOW))
        told = shown_failures.retried(done, words)
        console.view.reload()
        if len(told) > 1:
            console.show_page(shown_failures.what(bundle), "\n".join(told))
        else:
            console.say(told[0])

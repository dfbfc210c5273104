"""Try a whole bundle of failures again."""

from __future__ import annotations

import anyio

from mindbot.api import calls, shown_failures
from mindbot.api.failure_models import RetriedBundle
from mindbot_tui.commands.on_bundle import WINDOW, OnBundle
from mindbot_tui.surface import ShownPage, Surface


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
        told = "\n".join(shown_failures.retried(done, words))
        console.view.reload()
        page = console.show_page(shown_failures.what(bundle), told)
        if any(each.done for each in done.settled):
            await self._follow(console, bundle.id, done, told, page)

    async def _follow(
        self, console: Surface, bundle: str, done: RetriedBundle, told: str, page: ShownPage
    ) -> None:
        """Show what comes of each until all have ended, it lasts too long, or nobody looks any more."""
        shown = told
        with anyio.move_on_after(shown_failures.PATIENCE) as waited:
            while page.open:
                found = shown_failures.among(await console.api.ask(calls.reruns(bundle)), done)
                shown = "\n".join([told, "", *shown_failures.rerun(found, console.words)])
                page.put(shown)
                if found.ended:
                    break
                await anyio.sleep(shown_failures.PAUSE)
        if waited.cancelled_caught:
            page.put(f"{shown}\n\n{console.words('what comes of the others is no longer waited for')}")
        console.view.reload()

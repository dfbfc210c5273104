"""Downloads the files a message refers to, after the ack and before anybody looks at them."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

import anyio

from mindbot.domain.errors import MindBotError, StoreError
from mindbot.domain.host import File
from mindbot.domain.message import Part
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told

_STORE_PATIENCE = 10.0  # seconds until a message goes on without a file that cannot be kept
KINDS = frozenset({"image", "voice", "video", "file"})


class _Fetched(TypedDict, total=False):
    """What became of a part's file: its place in the media store, or why it has none."""

    media: str
    type: str
    size: int
    error: str


class FetchMedia:
    """Puts each part's file into the media store and its id into ``data["media"]`` of the turn's copy.

    A file that cannot be had is said so in ``data["error"]``, and the turn goes on; so it does without a
    media store that stays broken. Only a full disk is waited for, as everything else waits for it. After
    a crash what was downloaded is not asked for again: the platform's reference may be good for one use.
    """

    after = "people"

    def __init__(self, services: Services) -> None:
        self._fetch = services.fetch
        self._once = services.once
        self._deadline = services.config.media.timeout
        self._warn = services.warn

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        parts = turn.message.parts
        wanted = [n for n, part in enumerate(parts) if part.kind in KINDS and "media" not in part.data]
        if wanted:

            async def fetch() -> dict[str, _Fetched]:
                found: dict[str, _Fetched] = {}
                failures: list[StoreError] = []
                stage = turn.spans[turn.innermost - 1]
                async with anyio.create_task_group() as tasks:
                    for n in wanted:
                        tasks.start_soon(self._one, turn, stage, n, found, failures)
                if failures:
                    raise failures[0]
                return found

            found = await self._once(turn, "media", fetch)
            data = {int(n): facts for n, facts in found.items()}
            changed = tuple(
                replace(p, data=p.data | data[n]) if n in data else p for n, p in enumerate(parts)
            )
            turn.message = replace(turn.message, parts=changed)
        await call_next(turn)

    async def _one(
        self, turn: Turn, stage: Span, n: int, found: dict[str, _Fetched], failures: list[StoreError]
    ) -> None:
        part: Part = turn.message.parts[n]
        async with turn.span("media", part.kind, parent=stage) as span:
            try:
                file = await self._stubborn(turn, part)
                if file is not None:
                    found[str(n)] = {"media": file.id, "type": file.type, "size": file.size}
                    span.data.update(file.to_json())
                return
            except (MindBotError, TimeoutError) as error:
                if isinstance(error, StoreError) and error.passes:
                    failures.append(error)  # the dispatcher waits for the store and runs the turn again
                    span.status = "error"
                    return
                why = str(error) or f"not there after {self._deadline:g}s"
            except Exception as error:  # noqa: BLE001 - whatever it is, it costs the file and not the turn
                why = f"internal: {type(error).__name__}: {error}"
                self._warn("file not fetched", turn=turn.id, part=part.kind, error=why, exc_info=True)
            found[str(n)] = {"error": why}
            span.status, span.data["error"] = "error", told(why)

    async def _stubborn(self, turn: Turn, part: Part) -> File | None:
        """Fetch a file; a store that fails for another reason than a full disk is tried for a while."""
        patience = anyio.current_time() + _STORE_PATIENCE
        pause = 0.5
        failed: StoreError | None = None
        try:
            with anyio.fail_after(self._deadline):
                while True:
                    try:
                        return await self._fetch(turn, part)
                    except StoreError as error:
                        failed = error
                        if error.passes or anyio.current_time() + pause > patience:
                            raise
                    await anyio.sleep(pause)
                    pause *= 2
        except TimeoutError:
            if failed is not None:
                raise failed from None
            raise

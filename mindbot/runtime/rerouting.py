"""What another configuration would do with messages that are stored: nothing of it is used."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync

from mindbot import registry
from mindbot.config.load import load
from mindbot.config.model import Config
from mindbot.domain.errors import ConfigError
from mindbot.domain.routing import Decision, RouteQuestion
from mindbot.domain.shapes.turns import TurnLineJson
from mindbot.domain.shapes.workflows import MovedJson
from mindbot.runtime.generation import Generation
from mindbot.workflows.router.assembling import classifier_of
from mindbot.workflows.router.router import WorkflowRouter

_ASKED = "the configuration that was given"


async def other_config(text: str) -> Config:
    """Return a configuration that is not used; raises ConfigError with its problems."""
    return await run_sync(_read, text)


def trying(config: Config, current: Generation) -> WorkflowRouter:
    """Return a router of a configuration that is tried on many messages: no judge is asked, which costs, and
    no vectors are kept, whose place is that of the examples in force."""
    quiet = config.model_copy(update={"router": config.router.model_copy(update={"judge": ""})})
    known, standing = current.router, current.workflows.standing
    return WorkflowRouter(
        quiet,
        registry.names("runners"),
        classifier_of(quiet, current.providers, keep=standing.keep, keeps=False),
        known.learned,
        known.previous,
        switched_on=lambda name: not standing.is_off(name),
    )


def _read(text: str) -> Config:
    with tempfile.TemporaryDirectory(prefix="mindbot-diff-") as folder:
        file = Path(folder) / "other.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            # Without the environment: whoever gives a text must not read the daemon's with it.
            return load([file], environ={}).config
        except ConfigError as error:
            problems = [line.replace(str(file), _ASKED) for line in error.problems or [str(error)]]
            raise ConfigError(f"{_ASKED} cannot be used", hint=error.hint, problems=problems) from None


async def moved(
    lines: Sequence[TurnLineJson], current: WorkflowRouter, other: WorkflowRouter
) -> list[MovedJson]:
    """Return which messages go elsewhere, the newest first.

    Each router sees them in the order in which they came, so that follow-ups stay where it would have put
    what they follow.
    """
    found: list[MovedJson] = []
    last: tuple[dict[str, tuple[str, float]], ...] = ({}, {})
    for line in reversed(lines):
        if line["kind"] in ("event", "push"):
            continue
        decided = [
            await _decided(router, line, known) for router, known in zip((current, other), last, strict=True)
        ]
        before, after = map(_who, decided)
        if before != after:
            found.append(
                {
                    "turn": line["id"],
                    "text": line["text"],
                    "before": before,
                    "after": after,
                    "confidence": round(decided[1].confidence, 4),
                    "why": decided[1].why,
                }
            )
        await checkpoint()
    return found[::-1]


async def _decided(
    router: WorkflowRouter, line: TurnLineJson, known: dict[str, tuple[str, float]]
) -> Decision:
    previous, ts = known.get(line["session"], ("", 0.0))
    asked = RouteQuestion(
        line["text"],
        line["platform"],
        line["bot"],
        line["user"],
        line["chat"] if line["chat"] != line["user"] else "",
        line["session"],
        line["kind"],
        (line["kind"],),
        tuple(line.get("department", ())),
        line["received"],
        previous,
        ts,
        line.get("vars", {}),
        line.get("user_name", ""),
        line.get("quote", ""),
    )
    decision = await router.decide(asked, count=False)
    if answers := decision.workflow or decision.answers:
        known[line["session"]] = (answers, line["received"])
    return decision


def _who(decision: Decision) -> str | None:
    """Return who answers: a workflow, else a runner or a reply by its name; None: nobody is named."""
    if decision.reply:
        return f"reply {decision.reply!r}"
    return decision.workflow or decision.answers or (f"runner {decision.runner}" if decision.rule else None)

"""Whatever the console says in English it can say in Chinese."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import mindbot_tui
from mindbot.api import (
    shown,
    shown_failures,
    shown_providers,
    shown_queue,
    shown_routes,
    shown_waits,
    shown_workflows,
)
from mindbot.domain.health import TEXTS
from mindbot.domain.turn import DONE_STATES, OPEN_STATES
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.letter_fields import LETTER_FIELDS
from mindbot.filters.tokens import OPERATORS
from mindbot_tui.chinese import ZH
from mindbot_tui.commands.catalog import COMMANDS
from mindbot_tui.commands.history import WAYS
from mindbot_tui.commands.mark import MARKED
from mindbot_tui.commands.on_bot import OnBot
from mindbot_tui.commands.on_dead_letter import DONE
from mindbot_tui.commands.push import Push
from mindbot_tui.commands.transfer import HANDS
from mindbot_tui.commands.usage import TITLES
from mindbot_tui.keymap import KEYS
from mindbot_tui.screens import bus, database, diagram, queue
from mindbot_tui.screens.debugger import SCOPES
from mindbot_tui.screens.diff import PARTS
from mindbot_tui.screens.help import CONTEXTS, FILTERS, OWN_KEYS
from mindbot_tui.screens.routes import TABS
from mindbot_tui.state.health import NEWS
from mindbot_tui.state.letters import ACTS, FATES, KINDS
from mindbot_tui.state.list_fields import LIST_FIELDS
from mindbot_tui.state.looks import WHATS
from mindbot_tui.state.parts import NAMES
from mindbot_tui.state.phone import FILES
from mindbot_tui.widgets.frame import LABELS, TYPING
from mindbot_tui.widgets.no_daemon import STARTS
from mindbot_tui.widgets.turn_list import ORIGINS
from mindbot_tui.words import Words, language_of

SPARKS = ("messages in", "answers out", "run + queue", "loop lag", "memory")
PACKAGE = Path(mindbot_tui.__file__).parent


def literals() -> Iterator[tuple[str, str]]:
    """Yield (where, text) of every text handed to `words`, and of every column, heading and empty list."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"
            found: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                name = getattr(node.func.value, "id", name) if isinstance(node.func, ast.Subscript) else name
                found += node.args[:1] if name in ("words", "say", "Column") else []
                found += node.args[1:2] if name in ("note", "tell", "add") else []
                found += [word.value for word in node.keywords if word.arg == "empty"]
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in ("heading", "empty"):
                found += [node.value] if node.value else []
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "") == "empty":
                found.append(node.value)
            for text in found:
                for part in (text.body, text.orelse) if isinstance(text, ast.IfExp) else (text,):
                    if isinstance(part, ast.Constant) and part.value:
                        yield where, part.value


def said() -> Iterator[tuple[str, str]]:
    yield from literals()
    yield from (("keymap", key.help) for key in KEYS)
    yield from (("keymap", LABELS.get(key.id, key.id)) for key in KEYS if key.hint)
    yield from (("keymap", help) for own in OWN_KEYS.values() for _, help in own)
    yield from (("frame", label) for label in LABELS.values())
    yield from (("commands", command.help) for command in COMMANDS.values())
    yield from (("help", title) for title in CONTEXTS.values())
    yield from (("frame", label) for _, label in TYPING)
    yield from (("lost", about) for _, about in STARTS)
    yield from (("states", state) for state in (*OPEN_STATES, *DONE_STATES))
    yield from (("parts", name) for name in (*NAMES, *SCOPES, *PARTS))
    yield from (("origins", origin) for origin in ORIGINS)
    yield from (("link", phase) for phase in ("connecting", "attached", "detached"))
    bots = (shown.LABELS, shown.STATES, shown.REASONS, shown.LINES, shown.DETAILS, shown.CHECKS, shown.TEXTS)
    yield from (("bots", text) for texts in bots for text in texts)
    providers = (shown_providers.LABELS, shown_providers.STATES, shown_providers.CHECKS)
    pieces = (shown_providers.ABILITIES, shown_providers.TEXTS)
    yield from (("providers", text) for texts in (*providers, *pieces) for text in texts)
    workflows = (shown_workflows.LABELS, shown_workflows.STATES, shown_workflows.STATUSES)
    yield from (
        ("workflows", text)
        for texts in (*workflows, shown_workflows.CHECKS, shown_workflows.TEXTS)
        for text in texts
    )
    routes = (shown_routes.STATES, shown_routes.MODES, shown_routes.PARTS, shown_routes.CORRECTIONS)
    yield from (("queue", text) for text in (*shown_queue.TEXTS, *queue.PLACES, *queue.STATES))
    yield from (
        ("instruments", text)
        for text in (*WHATS, *bus.KINDS, *SPARKS, *diagram.BOXES, *database.EXAMPLES.values())
    )
    yield from (("turns", text) for text in (*shown_waits.TEXTS, *FILES))
    yield from (("routes", text) for texts in (*routes, shown_routes.TEXTS, TABS) for text in texts)
    yield from (("health", text) for text in (*TEXTS, *NEWS))
    yield from (("failures", text) for text in shown_failures.TEXTS)
    yield from (("usage", title) for title in TITLES)
    yield from (("commands", help) for _, help in HANDS)
    yield from (("commands", text) for texts in WAYS.values() for text in texts)
    yield from (("commands", said) for said in (*OnBot.said, *Push.said))
    yield from (("fields", field.help) for fields in LIST_FIELDS for field in fields.fields)
    yield from (("fields", field.help) for field in LETTER_FIELDS.fields)
    yield from (("letters", text) for text in (*FATES, *KINDS.values(), *ACTS.values(), *DONE.values()))
    yield from (("commands", help) for help in MARKED.values())
    yield "help", FILTERS
    yield "frame", "views"
    yield from (("fields", field.help) for field in TURN_FIELDS.fields)
    yield from (("operators", help) for help in OPERATORS.values())


def test_nothing_is_said_in_one_language_only() -> None:
    assert not sorted({(text, where) for where, text in said() if text not in ZH})


@pytest.mark.full
def test_nothing_is_translated_that_nobody_says() -> None:
    assert not set(ZH) - {text for _, text in said()}


@pytest.mark.parametrize("text", [text for text in ZH if "{" in text])
def test_both_languages_fill_in_the_same_values(text: str) -> None:
    names = {part.partition("}")[0] for part in text.split("{")[1:]}
    assert names == {part.partition("}")[0] for part in ZH[text].split("{")[1:]}


def test_a_text_without_translation_is_said_in_english() -> None:
    assert Words("zh")("something new: {what}", what="x") == "something new: x"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_environment_chooses_the_language(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


def test_no_two_classes_of_the_console_share_a_name() -> None:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    names = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1 and not name.startswith("_")] == []

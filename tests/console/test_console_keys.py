"""Keys, commands and the page that documents them agree."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mindbot_tui.commands.catalog import ALIASES, COMMANDS, find
from mindbot_tui.commands.send import Draft, call_line, read_draft
from mindbot_tui.docs import renewed
from mindbot_tui.keymap import KEYS, Key, keys_of
from mindbot_tui.screens.catalog import view_of
from mindbot_tui.screens.flow import Flow
from mindbot_tui.screens.help import CONTEXTS
from mindbot_tui.screens.turn import TurnScreen
from mindbot_tui.start import look_of

VIEWS = (
    "platforms",
    "sessions",
    "dead",
    "config",
    "logs",
    "providers",
    "workflows",
    "routes",
    "bundles",
    "queue",
    "metrics",
    "bus",
    "diagram",
    "database",
    "api",
    "events",
    "help",
)
CONSOLE_PAGE = Path(__file__).parents[2] / "docs" / "console.md"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_a_key_names_a_command(key: Key) -> None:
    command, _ = find(key.command)
    assert command is not None
    assert key.context in CONTEXTS


def test_ids_are_given_once() -> None:
    assert not [id for id, count in Counter(key.id for key in KEYS).items() if count > 1]


@pytest.mark.parametrize("view", [Flow(), TurnScreen("X"), *map(view_of, VIEWS)], ids=lambda view: view.view)
def test_no_key_means_two_things_in_one_view(view: Flow) -> None:
    keys = [each for key in keys_of(*view.contexts) for each in key.keys.split(",")]
    assert len(keys) == len(set(keys))


def test_a_command_is_found_by_its_beginning_when_that_is_clear() -> None:
    assert find("plat") == (COMMANDS["platforms"], "")
    assert find("  lang   zh ") == (COMMANDS["lang"], "zh")
    assert find("p") == (None, "")
    assert find("") == (None, "")
    assert set(ALIASES.values()) <= set(COMMANDS)


def test_the_page_of_the_console_is_fresh() -> None:
    page = CONSOLE_PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "run make docs"


@pytest.mark.parametrize(
    ("text", "draft"),
    [
        ("hello", Draft("hello")),
        ("@alice hello", Draft("hello", "alice")),
        ("#wecom/sales @alice hello @bob", Draft("hello @bob", "alice", "wecom", "sales")),
        ("#wecom 你好", Draft("你好", "", "wecom")),
        ("@alice", Draft("@alice")),
        ("@ home", Draft("@ home")),
        ("--dry-run @alice hello", Draft("hello", "alice", dry=True)),
        ("@alice #wecom --dry-run hello --dry-run", Draft("hello --dry-run", "alice", "wecom", dry=True)),
        ("@alice --dry-run", Draft("", "alice", dry=True)),
    ],
)
def test_a_message_names_its_sender_and_bot(text: str, draft: Draft) -> None:
    assert read_draft(text) == draft


def test_a_message_is_quoted_for_the_shell() -> None:
    draft = Draft("it's $HOME", "alice", "wecom", "sales")
    assert call_line(draft) == (
        "mindbot send 'it'\"'\"'s $HOME' --no-wait --platform wecom --bot sales --user alice --yes"
    )


@pytest.mark.parametrize(
    ("theme", "production", "colour", "look"),
    [
        ("", False, "", ("mindbot-dark", "", "")),
        ("", True, "", ("mindbot-dark", "production", "red")),
        ("", False, "orange", ("mindbot-dark", "orange", "orange")),
        ("", False, "green:staging", ("mindbot-dark", "staging", "green")),
        ("nord", True, "", ("nord", "production", "red")),
    ],
)
def test_what_the_frame_looks_like(
    theme: str, production: bool, colour: str, look: tuple[str, str, str]
) -> None:
    assert look_of(theme, production, {"MINDBOT_CONSOLE_COLOR": colour}) == look

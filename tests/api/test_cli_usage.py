"""What is typed wrongly is told as such, and what comes from strangers cannot drive the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_here import Run
from daemon_here import Running

pytestmark = pytest.mark.anyio

WORKFLOW, ROUTE = "workflow", "route"
PUSH = ("platform", "push", "console")


@pytest.fixture
def forty(tmp_path: Path) -> list[str]:
    """Return so many files as options."""
    file = tmp_path / "a.txt"
    file.write_text("a")
    return ["--file", str(file)] * 40


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*PUSH, "y" * 100_001, "--user", "a"), "TEXT"),
        ((*PUSH, "hi", "--user", "u" * 257), "--user"),
        ((*PUSH, "hi", "--group", "g" * 257), "--group"),
        ((*PUSH, "hi"), "--user, --group"),
        ((*PUSH, "hi", "--user", "a", "--group", "b"), "--user, --group"),
        ((*PUSH, "--user", "a"), "TEXT"),
        ((*PUSH, "  \n", "--user", "a"), "TEXT"),
        ((*PUSH, "\udcff", "--user", "a"), "TEXT"),
        (("send", "   "), "TEXT"),
        (("send", "y" * 100_001), "TEXT"),
        (("send", "hi", "--session", "s" * 513), "--session"),
        ((ROUTE, "explain", ""), "TEXT"),
        ((ROUTE, "explain", "\udcff"), "TEXT"),
        ((ROUTE, "explain", "y" * 100_001), "TEXT"),
        ((ROUTE, "explain", "hi", "--department", "\udcff"), "--department"),
        ((ROUTE, "explain", "hi", "--user", "u" * 257), "--user"),
        ((ROUTE, "learn", "\udcff", "--workflow", "none"), "TEXT"),
        ((ROUTE, "learn", "  ", "--workflow", "none"), "TEXT"),
        ((ROUTE, "learn", "--list", "--state", "\udcff"), "--state"),
        ((WORKFLOW, "classify", ""), "TEXT"),
        ((WORKFLOW, "classify", "\udcff"), "TEXT"),
        ((WORKFLOW, "run", "code", ""), "TEXT"),
        ((WORKFLOW, "run", "code", "\udcff"), "TEXT"),
        ((WORKFLOW, "run", "code", "hi", "--input", "a=\udcff"), "--input"),
        ((WORKFLOW, "compare", "a", "b", "--text", ""), "--text"),
        ((WORKFLOW, "compare", "--text", "hi"), "WORKFLOW"),
        ((WORKFLOW, "compare", "\udcff"), "WORKFLOW"),
        ((WORKFLOW, "dataset", "query", "kb", ""), "TEXT"),
        ((WORKFLOW, "dataset", "query", "kb", "y" * 251), "TEXT"),
    ],
)
async def test_a_wrong_order_is_wrong_usage(
    run: Run, up: Running, arguments: tuple[str, ...], told: str
) -> None:
    done = await run(*arguments)
    assert done.code == 2 and f"Invalid value for {told}" in done.err
    assert not up.runtime.turns


@pytest.mark.parametrize("command", [("send", "hi"), (*PUSH, "hi", "--user", "a")])
async def test_too_many_files_are_told_by_the_options_name(
    run: Run, up: Running, forty: list[str], command: tuple[str, ...]
) -> None:
    done = await run(*command, *forty)
    assert done.code == 2 and "Invalid value for --file" in done.err and "20" in done.err
    assert not up.runtime.turns


async def test_a_push_that_missed_some_of_its_receivers_names_them(run: Run) -> None:
    done = await run(*PUSH, "hi", "--user", "li,nobody1,nobody2", terminal=True)
    assert done.code == 1 and done.out.startswith("sent    ")
    assert done.out.splitlines()[1] == "not reached: nobody1, nobody2"
    assert (await run(*PUSH, "hi", "--user", "li,wang", terminal=True)).code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("platform", "test", "a/b/c"),
        ("platform", "show", "console/"),
        ("platform", "show", "/default"),
        ("platform", "restart", ""),
        ("dlq", "retry", "a/b"),
        ("dlq", "discard", ""),
        ("trace", "a/b"),
        ("trace", ""),
        ("session", "transfer", "", "pool"),
        ("session", "clear", ""),
    ],
)
async def test_a_name_that_can_be_nobodys_is_said_in_words(run: Run, command: tuple[str, ...]) -> None:
    done = await run(*command)
    assert done.code == 1 and not done.out
    assert "/v1" not in done.err and "mindbot: " in done.err
    assert "no " in done.err or "its name is empty" in done.err


async def test_a_reply_cannot_drive_the_terminal(run: Run) -> None:
    for extra in ([], ["--stream"]):
        done = await run("send", "\x1b[31mred\x9b2J from\x07 你好", *extra, terminal=True)
        assert done.out.strip() == r"you said \x1b[31mred\x9b2J from\x07 你好"
    piped = await run("send", "\x1b[31mred")
    assert piped.objects[0]["reply"] == "you said \x1b[31mred"
    assert "\x1b" not in (await run("turns", terminal=True)).out

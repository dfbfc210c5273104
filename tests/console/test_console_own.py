"""Commands that a reader brings: programs with what is selected."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled, turn_id

from mindbot.domain.errors import Invalid
from mindbot_tui.keymap import Keymap
from mindbot_tui.ownfile import read_commands, with_own
from mindbot_tui.screens.catalog import contexts
from mindbot_tui.start import brought
from mindbot_tui.state.own import OwnCommand


def test_a_value_stays_one_word_whatever_is_in_it() -> None:
    command = OwnCommand("say", ("echo", "user={user}", "{session}", "{turn}"))
    values = {"user": "a b; rm -rf $HOME `id`", "session": "{turn}", "turn": "06A"}
    assert command.argv(values) == ["echo", "user=a b; rm -rf $HOME `id`", "{turn}", "06A"]
    assert command.needs == ["turn", "session", "user"]


@pytest.mark.parametrize("user", ["--output=/etc/passwd", "-x", "a\0b"])
def test_a_value_that_would_be_an_option_is_refused(user: str) -> None:
    with pytest.raises(Invalid):
        OwnCommand("say", ("echo", "{user}")).argv({"user": user})


def test_what_is_wrong_in_a_file_is_told_with_its_line_and_the_rest_counts(tmp_path: Path) -> None:
    path = tmp_path / "commands.yaml"
    path.write_text(
        """\
good:
  run: grep {user} 'a file'
  key: f6
  views: [flow, turn]
shell: {run: [bash, -c, "echo {user}"]}
behind: {run: "env sh -c 'echo {user}'"}
far: {run: "ssh box journalctl --grep {user}"}
code: {run: "python3 -c {user}"}
quoted: {run: "busybox awk '{print; {user}}'"}
env: {run: [bash, -c, "echo $MINDBOT_USER"], confirm: true, timeout: 5}
nothing: {help: x}
place: {run: "echo {password}"}
view: {run: echo, views: nowhere}
field: {run: echo, shell: true}
open: {run: "echo 'a"}
long: {run: echo, timeout: 1e9}
program: {run: "{user}"}
Bad Name: {run: echo}
truth: {run: [yes, x]}
deep: {run: [echo, [x]]}
taken: {run: echo, key: q}
""",
        encoding="utf-8",
    )
    own, problems = read_commands(path, contexts())
    assert set(own) == {"good", "env", "taken"}
    assert own["good"].words == ("grep", "{user}", "a file")
    assert own["env"] == OwnCommand(
        "env", ("bash", "-c", "echo $MINDBOT_USER"), "bash -c 'echo $MINDBOT_USER'", confirm=True, timeout=5
    )
    lines = [int(each.removeprefix(f"{path}:").partition(":")[0]) for each in problems]
    assert lines == [5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
    assert "$MINDBOT_USER" in problems[0]
    keymap = with_own(Keymap(), own, contexts())
    assert [(key.context, key.keys) for key in keymap.own] == [("flow", "f6"), ("turn", "f6")]
    assert ["q is taken: quit has it" in each for each in keymap.problems] == [True]


def test_a_browser_has_no_commands_unless_their_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mindbot" / "commands.yaml"
    path.parent.mkdir()
    path.write_text("who: {run: id}\n", encoding="utf-8")
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    browser = {**home, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}
    assert set(brought("", "", home)[1]) == {"who"}
    assert set(brought("", "", browser)[1]) == set()
    assert set(brought("", str(path), browser)[1]) == {"who"}


@pytest.mark.anyio
@pytest.mark.full
async def test_a_program_is_run_with_what_is_selected_and_ends_with_its_page(
    clock: FakeClock, tmp_path: Path
) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"
    own = {
        "show": OwnCommand("show", ("echo", "turn={turn}", "of {user} on {platform}"), "say it", "f6"),
        "slow": OwnCommand(
            "slow", ("sh", "-c", f"touch {begun}; sleep 600; touch {over}"), "take time", "f7", confirm=True
        ),
        "short": OwnCommand("short", ("sleep", "600"), "too long", "f8", timeout=0.3),
        "none": OwnCommand("none", ("no-such-program-here",), "not there", "f9"),
        "there": OwnCommand("there", ("echo", "x"), "elsewhere", views=("dead",)),
    }
    keymap = with_own(Keymap(), own, contexts())
    assert keymap.problems == []
    async with console(filled(), clock=clock, keymap=keymap) as person:
        person.app.state.own = own
        await person.sees("Where is my order")
        await person.press("home", "f6")
        await person.sees(f"turn={turn_id(0)} of alice on wecom", "ended with 0")
        await person.press("escape")
        await person.sees(f"$ echo turn={turn_id(0)} 'of alice on wecom'")
        await person.press("f7")
        await person.sees("(y)")
        await person.press("y")
        await person.finds(begun.exists)
        await person.press("escape")
        await person.press("f8")
        await person.sees("── ended after 0.3 s: short ──")
        await person.press("escape", "f9")
        await person.sees("no-such-program-here cannot be run", "── No such file or directory ──")
        await person.press("escape", "colon")
        await person.type("own there")
        await person.press("enter")
        await person.sees("there is for: dead")
        person.app.state.readonly = True
        await person.press("f6")
        await person.sees("this console is read-only")
    assert not over.exists()

"""Keys of a reader's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled

from mindbot.domain.errors import ConfigError, Invalid
from mindbot_tui.keyfile import key_of, read_keymap, template, written
from mindbot_tui.keymap import KEYS, Keymap
from mindbot_tui.screens.catalog import contexts
from mindbot_tui.start import keymap_of


def read(path: Path, text: str) -> Keymap:
    path.write_text(text, encoding="utf-8")
    return read_keymap(path, contexts().values())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (".", "full_stop"),
        ("-", "minus"),
        ("/", "slash"),
        ("+", "plus"),
        ("^p", "ctrl+p"),
        ("Ctrl+P", "ctrl+p"),
        ("F5", "f5"),
        ("M", "M"),
        ("Esc", "escape"),
        ("PgUp", "pageup"),
        ("alt+left", "alt+left"),
    ],
)
def test_keys_are_written_as_people_do(text: str, key: str) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize("text", ["", "nokey", "hyper+x", "ctrl+nokey", "ab", " "])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no key"):
        key_of(text)


def test_every_key_of_the_console_can_be_written_in_a_file() -> None:
    for key in KEYS:
        for each in key.keys.split(","):
            assert key_of(written(each)) == each


def test_the_template_changes_nothing_and_names_every_id(tmp_path: Path) -> None:
    keymap = read(tmp_path / "keymap.yaml", template())
    assert (keymap.changed, keymap.problems) == ({}, [])
    bare = "\n".join(line.removeprefix("# ") for line in template().split("\n")[3:])
    whole = read(tmp_path / "whole.yaml", bare)
    assert whole.problems == []
    assert whole.changed == {key.id: key.keys for key in KEYS}


def test_what_is_wrong_is_told_with_its_place_and_the_rest_counts(tmp_path: Path) -> None:
    path = tmp_path / "keymap.yaml"
    keymap = read(path, 'nxt: a\nnext: J\nquit: nokey\npause: ","\nhelp: j\nprevious: ~\nretry: [R, f5]\n')
    assert keymap.changed == {"next": "J", "retry": "R,f5"}
    told = dict(enumerate(keymap.problems))
    assert [f"{path}:1:1" in told[0], "next?" in told[0]] == [True, True]
    assert any(f"{path}:4:1: , is taken: previous has it" in each for each in keymap.problems)
    assert any(f"{path}:3:1" in each and "'nokey' is no key" in each for each in keymap.problems)
    assert any(f"{path}:6:1" in each and "quotes" in each for each in keymap.problems)
    assert any(f"{path}:5:1" in each and "moving in lists" in each for each in keymap.problems)


def test_two_keys_that_are_changed_for_one_another_are_no_clash(tmp_path: Path) -> None:
    keymap = read(tmp_path / "keymap.yaml", 'next: ","\nprevious: "."\n')
    assert keymap.problems == []
    assert keymap.changed == {"next": "comma", "previous": "full_stop"}


def test_a_key_that_has_another_meaning_in_the_same_view_is_not_given(tmp_path: Path) -> None:
    path = tmp_path / "keymap.yaml"
    keymap = read(path, "faults: p\nretry: e\nstop: t\n")
    assert keymap.changed == {"retry": "e"}, "e means something else among turns only"
    assert [each.partition(": ")[0] for each in sorted(keymap.problems)] == [f"{path}:1:1", f"{path}:3:1"]


def test_a_file_is_looked_for_at_home_and_only_a_named_one_must_be_there(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert keymap_of("", environ).changed == {}
    with pytest.raises(ConfigError):
        keymap_of(str(tmp_path / "none.yaml"), environ)
    (tmp_path / "mindbot").mkdir()
    (tmp_path / "mindbot" / "keymap.yaml").write_text("next: f7\n", encoding="utf-8")
    assert keymap_of("", environ).changed == {"next": "f7"}
    (tmp_path / "mindbot" / "keymap.yaml").write_text("- next\n", encoding="utf-8")
    assert "keymap.yaml:1:1" in keymap_of("", environ).problems[0]


@pytest.mark.anyio
@pytest.mark.full
async def test_the_console_shows_and_obeys_keys_of_ones_own(clock: FakeClock, tmp_path: Path) -> None:
    keymap = Keymap(
        {"pause": "P", "compose": "", "faults": "f9"}, path="mine.yaml", problems=["mine.yaml:7:1: so"]
    )
    file = str(tmp_path / "new" / "keymap.yaml")
    async with console(filled(), clock=clock, size=(150, 60), keymap=keymap, keymap_path=file) as person:
        await person.sees("mine.yaml:7:1: so")
        await person.press("escape")
        await person.sees("f9 faults")
        await person.sees_no("s write")
        await person.press("p", "s", "P")
        await person.sees("screen held, P goes on")
        await person.press("P", "f9")
        await person.sees("2/13")
        await person.press("question_mark")
        await person.sees("P              hold the screen still", "f9             only what failed")
        await person.press("escape", "f2")
        await person.sees("* faults                 f9", "* compose                -")
        await person.press("escape", "colon")
        await person.type("keymap write")
        await person.press("enter")
        await person.sees("written:")
        assert Path(file).read_text(encoding="utf-8") == template()

"""Long texts and what is done with them, told as an operator would tell it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from console_driver import Person, console
from console_fakes import FakeClock
from console_sample import filled, turn_id, turn_view

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LINES = "\n".join(f"line {n} of the answer" + (" with the needle" if n % 40 == 7 else "") for n in range(200))


@pytest.mark.full
async def test_a_page_is_searched_and_taken_elsewhere(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with console(filled(), clock=clock, size=(100, 24)) as person:
        await person.sees("alice")
        person.app.show_page("What it said", LINES)
        await person.sees("line 0", "/ search")
        await person.press("n")
        await person.sees("nothing was searched for")
        await person.press("slash")
        await person.type("NEEDLE")
        await person.sees("NEEDLE: not found")
        await person.press(*["backspace"] * 6)
        await person.type("needle")
        await person.sees("needle  1/5", "line 7 of")
        await person.press("enter")
        await person.press("n", "n")
        await person.sees("needle  3/5", "line 87 of")
        await person.press("n", "n", "n")
        await person.sees("needle  1/5, round the end", "line 7 of")
        await person.press("N")
        await person.sees("needle  5/5, round the end", "line 167 of")
        await person.press("slash")
        await person.type("~LINE 1[12]")
        await person.sees("~LINE 1[12]: not found")
        await person.press("escape")
        await person.sees("needle  5/5", "line 167 of")
        await person.press("C")
        await person.sees("copied line 0 of the answer")
        assert person.app.clipboard == LINES
        await person.press("W")
        await person.sees("saved")
        await person.press("W")
        await person.finds(lambda: Path("What-it-said-2.txt").exists())
        assert [Path(name).read_text() for name in ("What-it-said.txt", "What-it-said-2.txt")] == [LINES] * 2
        assert Path("What-it-said.txt").stat().st_mode & 0o777 == 0o600
        await person.press("ctrl+o")
        await person.sees("this console has no terminal to give to a program")
        await person.press("x")  # keys of the view behind it are not for the page
        await person.sees("line 167 of")
        await person.press("2")  # those of other places go there
        await person.sees("── console/default ──")
        await person.sees_no("line 167 of")
        for key, there in (("left_square_bracket", "alice"), ("minus", "── console/default ──")):
            person.app.show_page("What it said", LINES)
            await person.sees("line 0")
            await person.press(key)
            await person.sees_no("line 0 of")
            await person.sees(there)
        person.app.show_page("What it said", LINES)
        await person.sees("line 0")
        await person.press("q")
        await person.sees_no("line 0 of")


@pytest.mark.full
async def test_what_is_more_than_a_terminal_copies_is_offered_as_a_file(clock: FakeClock) -> None:
    async with console(filled(), clock=clock) as person:
        await person.sees("alice")
        person.app.show_page("long", "我的订单" * 10_000)
        await person.press("C")
        await person.sees("120 KB is more than terminals copy (75 KB); W saves it")
        assert person.app.clipboard == ""


async def opened(person: Person, n: int = 0) -> None:
    await person.sees("alice")
    await person.press("home", *["down"] * n, "enter")
    await person.sees(f"Turn {turn_id(n)}")


@pytest.mark.full
async def test_a_long_answer_is_opened_whole(clock: FakeClock) -> None:
    daemon = filled()
    answer = "它今天早上离开了我们的仓库。" * 2_300
    known = turn_view(0) | {"reply": answer}
    daemon.answers[f"GET /v1/turns/{turn_id(0)}"] = known
    async with console(daemon, clock=clock) as person:
        await opened(person)
        await person.press("right", "right")
        await person.sees("它今天早上离开了我们的仓库。")
        await person.press("tab", "end")
        await person.sees("… 97 KB, Enter opens")
        await person.press("C")
        await person.sees("97 KB is more than terminals copy")
        await person.press("enter")
        await person.sees("/ search")
        await person.press("end")
        assert person.app.text is not None
        assert person.app.text.whole == answer
        await person.press("escape", "home", "slash")
        await person.type("仓库。")
        await person.press("enter", "N")
        await person.sees("仓库。  2,300/2,300, round the end")  # also behind what is shown at first


@pytest.mark.full
async def test_texts_are_rendered_on_request(clock: FakeClock) -> None:
    async with console(filled(), clock=clock) as person:
        await person.sees("alice")
        person.app.show_page("said", "# Title\n\n- **one**\n\n| a | b |\n|---|---|\n| 1 | 22 |")
        await person.sees("# Title", "- **one**")
        await person.press("m")
        await person.sees("• one", "a │ b", "1 │ 22")
        await person.sees_no("**")
        await person.press("m")
        await person.sees("- **one**")
        await person.press("escape")
        person.app.show_page("config", json.dumps({"a": [1, 2]}), json=True)
        await person.sees('  "a": [')


@pytest.mark.full
async def test_a_turn_is_exported(clock: FakeClock, tmp_path: Path) -> None:
    async with console(filled(), clock=clock) as person:
        await opened(person)
        await person.press("X")
        await person.sees("its model's call; $API_KEY")
        await person.type("curl")
        await person.press("enter")
        await person.sees('curl "$BASE_URL/chat/completions"', f"mindbot export {turn_id(0)} --as curl")
        await person.press("escape", "colon")
        await person.type(f"export markdown {tmp_path}/turn.md")
        await person.press("enter")
        await person.finds(lambda: (tmp_path / "turn.md").exists())
        await person.sees("saved")
        assert f"# Turn {turn_id(0)}" in (tmp_path / "turn.md").read_text()
        await person.press("colon")
        await person.type(f"export json {tmp_path}/turn.md")
        await person.press("enter")
        await person.sees("exists already")

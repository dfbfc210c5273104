"""A picture that came with a message, or went out with an answer, is saved from the view of its turn."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled, turn_id, turn_view

from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PICTURE, REPORT = b"\x89PNG picture", b"%PDF-1.4 report"
GONE = "0" * 64 + ".png"


def named(content: bytes, ending: str) -> str:
    return hashlib.sha256(content).hexdigest() + ending


def with_files() -> Json:
    """Return a turn with a picture in its message and a report in its delivery, under hostile names."""
    found = turn_view()
    picture = {"id": named(PICTURE, ".png"), "size": len(PICTURE), "type": "image/png"}
    told = {"media": picture["id"], "name": "../../\x1b[2Jcat.png"}
    found["message"]["parts"].append({"kind": "image", "data": told})
    found["spans"].append(
        {
            "id": 90,
            "parent": 1,
            "kind": "media",
            "name": "image",
            "start": 1.0,
            "took_ms": 1.0,
            "data": picture,
        }
    )
    report = {"kind": "file", "data": {"media": named(REPORT, ".pdf"), "name": "报告.pdf"}}
    gone = {"kind": "image", "data": {"media": GONE}}
    found["deliveries"][0]["parts"] = [report, gone]
    return found


@pytest.mark.full
async def test_files_of_a_turn_are_saved_here(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    daemon = filled()
    daemon.answers |= {
        f"GET /v1/turns/{turn_id(0)}": with_files(),
        f"GET /v1/turns/{turn_id(1)}": turn_view(1),
        f"GET /v1/media/{named(PICTURE, '.png')}": PICTURE,
        f"GET /v1/media/{named(REPORT, '.pdf')}": REPORT[:4],
    }
    async with console(daemon, clock=clock) as person:
        await person.sees("alice")
        await person.app.open_turn(turn_id(1))
        await person.sees(turn_id(1), "message")
        person.app.run_command("save-file")
        await person.sees("no file came or went with this turn")
        await person.app.open_turn(turn_id(0))
        await person.finds(lambda: person.app.turn_view and person.app.turn_view.files)
        person.app.run_command("save-file")
        await person.sees("1", "[2Jcat.png", "image/png 12 B", "报告.pdf")
        await person.type("1")
        await person.press("enter")
        await person.finds(lambda: person.app.state.calls)
        saved = here / "[2Jcat.png"
        await person.finds(lambda: saved.exists() and saved.read_bytes() == PICTURE)
        assert saved.stat().st_mode & 0o777 == 0o600
        person.app.run_command("save-file 1")
        await person.finds(lambda: (here / "[2Jcat-2.png").exists())
        person.app.run_command("save-file 2")
        await person.sees("did not come whole")
        person.app.run_command("save-file 3")
        await person.sees("is not kept, or no longer")
        person.app.run_command("save-file 4")
        await person.sees("no file '4' in this turn")
        assert sorted(path.name for path in here.iterdir()) == ["[2Jcat-2.png", "[2Jcat.png"]
        assert person.app.state.calls[-1] == f"mindbot media save {GONE}"

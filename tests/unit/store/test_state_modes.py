"""What others could open in a state directory is closed at the start, and told."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from mindbot.store.modes import tighten


def _mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:o}"


def _a_state(folder: Path) -> Path:
    state = folder / "state"
    (state / "media" / "ab").mkdir(parents=True)
    (state / "backups").mkdir()
    for name in ("mindbot.db", "mindbot.db-wal", "secrets.enc", "media/ab/file", "stranger.txt"):
        (state / name).write_text("words")
    for path in [*state.rglob("*"), state]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return state


def test_wide_modes_are_tightened_with_a_line_in_the_log(tmp_path: Path) -> None:
    state = _a_state(tmp_path)
    with capture_logs() as logs:
        closed = tighten(state)
    names = ["backups", "media", "mindbot.db", "mindbot.db-wal", "secrets.enc"]
    assert sorted(path.name for path in closed) == names
    assert [_mode(state / name) for name in names] == ["700", "700", "600", "600", "600"]
    assert _mode(state / "stranger.txt") == "644" and _mode(state) == "755", "others' things are theirs"
    first, second = logs
    assert first["event"] == "what others could open is closed" and len(first["paths"]) == 5
    assert second["mode"] == "0755" and second["hint"] == f"chmod 700 {state}"


def test_what_is_closed_is_left_alone_and_not_told(tmp_path: Path) -> None:
    state = _a_state(tmp_path)
    state.chmod(0o700)
    tighten(state)
    with capture_logs() as logs:
        assert tighten(state) == [] and logs == []


def test_a_link_leads_nowhere(tmp_path: Path) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    state.mkdir(0o700)
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (state / "media").symlink_to(elsewhere)
    assert tighten(state) == [] and _mode(elsewhere) == "755"


def test_owner_rights_stay_as_they_are(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(0o700)
    (state / "mindbot.db").touch()
    (state / "mindbot.db").chmod(0o440)
    tighten(state)
    assert _mode(state / "mindbot.db") == "400"

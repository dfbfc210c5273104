"""The commands of "Backup and restore" in docs/operations.md, one after the other, on real processes."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mindbot.testing.processes import daemon

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"

pytestmark = pytest.mark.full


def documented() -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").partition("## Backup and restore\n")[2].partition("\n## ")[0]
    block = section.partition("```sh\n")[2].partition("```")[0]
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def test_the_documented_way_from_a_backup_to_a_restored_daemon(tmp_path: Path) -> None:
    copy = tmp_path / "mindbot.backup"
    with daemon(tmp_path, {}) as running:
        running.cli("send", "before")
        for words in documented():
            arguments = [str(copy) if word == copy.name else word for word in words]
            if arguments == ["daemon", "stop"]:
                refused = running.cli("db", "restore", str(copy))
                assert refused.returncode == 1 and "a daemon runs" in refused.stderr
                running.cli("send", "after the backup")
                # A turn that the backup has open: as a crash leaves one.
                with closing(sqlite3.connect(copy)) as db, db:
                    db.execute("UPDATE turns SET state = 'queued', finished = NULL, record = NULL")
                    db.execute("DELETE FROM outbox")
            if arguments == ["daemon", "run"]:
                running.start()
                continue
            done = running.cli(*arguments)
            assert done.returncode == 0, (arguments, done.stderr)
        (letter,) = [json.loads(line) for line in done.stdout.splitlines()]
        assert letter["text"] == "before" and letter["reason"].startswith("restored from a backup of ")
        assert len(list((tmp_path / "state").glob("mindbot.db.replaced-*"))) >= 1
        turns = [json.loads(line) for line in running.cli("turns").stdout.splitlines()]
        assert [turn["text"] for turn in turns] == ["before"]

"""Numbers of workers: given one after the other, also by a store whose note of them is damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mindbot.domain import ids
from mindbot.store.database import connect
from mindbot.store.unreadable import Unreadable
from mindbot.store.upgrade import ensure
from mindbot.store.workers import next_worker


def test_numbers_follow_each_other_and_begin_again_behind_the_last(tmp_path: Path) -> None:
    ensure(tmp_path / "mindbot.db")
    with closing(connect(tmp_path / "mindbot.db")) as db:
        given = [next_worker(db, Unreadable()) for _ in range(ids.WORKERS + 2)]
        assert given == [*range(ids.WORKERS), 0, 1]


@pytest.mark.parametrize("value", ["{", "[]", '{"last": "x"}', '{"last": -7}', '{"last": null}'])
def test_a_note_that_cannot_be_read_stops_no_start(tmp_path: Path, value: str) -> None:
    ensure(tmp_path / "mindbot.db")
    with closing(connect(tmp_path / "mindbot.db")) as db:
        first = next_worker(db, Unreadable())
        db.execute("UPDATE keep SET value = ? WHERE key = 'worker'", (value,))
        assert 0 <= next_worker(db, Unreadable()) < ids.WORKERS
        assert (first, next_worker(db, Unreadable())) != (0, 0)


def test_two_connections_never_get_the_same_number(tmp_path: Path) -> None:
    ensure(tmp_path / "mindbot.db")
    with closing(connect(tmp_path / "mindbot.db")) as one, closing(connect(tmp_path / "mindbot.db")) as two:
        given = []
        for db in (one, two) * 5:
            db.execute("BEGIN IMMEDIATE")
            given.append(next_worker(db, Unreadable()))
            db.execute("COMMIT")
        assert len(set(given)) == 10
        one.execute("BEGIN IMMEDIATE")
        two.execute("PRAGMA busy_timeout=0")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            two.execute("BEGIN IMMEDIATE")
        one.execute("ROLLBACK")


@pytest.mark.parametrize("number", [-1, ids.WORKERS])
def test_a_number_that_fits_in_no_id_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no worker"):
        ids.work_as(number)

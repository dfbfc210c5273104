"""Operators' questions in SQL read, and do nothing else."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from mindbot.cli.main import main
from mindbot.domain.errors import Invalid, TimedOut
from mindbot.store.sql import ask
from mindbot.store.upgrade import ensure
from mindbot.telemetry.redaction import MASK, Redactor


@pytest.fixture
def path(tmp_path: Path) -> Path:

    found = tmp_path / "mindbot's.db"
    ensure(found)
    db = sqlite3.connect(found)
    kept = "INSERT INTO keep (platform, bot, key, value) VALUES ('wecom', 'hr', 'token', '\"plain\"')"
    db.execute(kept)
    for n in range(5):
        db.execute(
            "INSERT INTO outbox (turn, n, platform, bot, session, address, parts, state, created) "
            "VALUES (?, 0, 'dingtalk', 'hr', 's', ?, '[]', 'sent', 1.5)",
            (n, '{"sessionWebhook": "https://x/y"}'),
        )
    db.commit()
    db.close()
    return found


def test_rows_come_by_name_and_up_to_a_limit(path: Path) -> None:
    found = ask(path, "SELECT turn, created, state FROM outbox ORDER BY turn", 3, 5.0)
    assert found["columns"] == ["turn", "created", "state"]
    assert found["rows"] == [[n, 1.5, "sent"] for n in range(3)] and found["more"]
    assert not ask(path, "SELECT count(*) FROM outbox", 3, 5.0)["more"]
    assert ask(path, "SELECT NULL, x'0001', 'ä' ", 3, 5.0)["rows"] == [[None, "(2 bytes)", "ä"]]


def test_secrets_are_masked_and_what_platforms_keep_is_hidden(path: Path) -> None:
    assert MASK in ask(path, "SELECT address FROM outbox", 1, 5.0)["rows"][0][0]
    assert ask(path, "SELECT 'hunter22' AS password", 1, 5.0)["rows"] == [[MASK]]
    assert ask(path, "SELECT key, value, upper(value) FROM keep", 1, 5.0)["rows"] == [["token", None, None]]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM outbox",
        "UPDATE outbox SET state = 'dead'",
        "DROP TABLE outbox",
        "CREATE TEMP TABLE x (y)",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA query_only=OFF",
        "ATTACH '/tmp/other.db' AS other",
        "VACUUM INTO '/tmp/copy.db'",
        "SELECT load_extension('x')",
        "BEGIN IMMEDIATE",
        "SELECT 1; DELETE FROM outbox",
        "SELEC 1",
        "SELECT * FROM nowhere",
        "",
        "-- nothing",
        "SELECT ?",
        "SELECT zeroblob(999999999)",
        "SELECT zeroblob(3000000)",
        "SELECT " + ", ".join(["1"] * 51),
    ],
)
def test_all_but_one_question_is_refused(path: Path, sql: str) -> None:
    before = path.read_bytes()
    with pytest.raises(Invalid):
        ask(path, sql, 10, 5.0)
    assert path.read_bytes() == before
    assert ask(path, "SELECT count(*) FROM outbox", 1, 5.0)["rows"] == [[5]]


def test_a_question_without_end_is_ended(path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(TimedOut, match=r"0\.05s"):
        ask(path, endless, 10, 0.05)


def test_the_command_prints_a_line_a_row(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(
            ["db", "query", "SELECT turn, state FROM outbox ORDER BY 1", "--limit", "2", "--file", str(path)]
        )
    assert end.value.code == 0
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"turn": 0, "state": "sent"},
        {"turn": 1, "state": "sent"},
    ]
    assert "there are more" in said.err


_MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) "


def test_an_answer_is_bounded_and_says_what_was_cut(path: Path) -> None:
    found = ask(path, _MANY + "SELECT hex(zeroblob(20000)) FROM n", 5000, 60.0)
    assert found["full"] and found["more"] and found["cut"] == len(found["rows"])
    assert sum(len(row[0]) for row in found["rows"]) < 2_010_000
    assert found["rows"][0][0] == "0" * 4000 + "… (40,000 characters)"
    assert ask(path, "SELECT 9e999", 1, 5.0)["rows"] == [["inf"]]


def test_no_part_of_a_secret_is_left_at_a_cut() -> None:
    redactor = Redactor()
    redactor.register("Zq7-" * 400)
    for before in range(0, 120, 7):
        text = "." * before + "Zq7-" * 400 + "." * 40 + "Zq7-" * 400 + " sk-" + "a1" * 600
        for most in (10, 100, 1000):
            shown = redactor.beginning(text, most)
            assert len(shown) <= most and "Zq7-" not in shown and "a1" not in shown

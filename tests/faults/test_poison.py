"""A message that kills the process is given up; those beside it are answered, however often it died."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run(folder: Path, attempts: int, kills: int, innocents: int, *poison: str) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("poisoned.py")), str(folder)]
    command += [str(attempts), str(kills), str(innocents), *poison]
    done = subprocess.run(command, capture_output=True, check=True, timeout=220)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.full
@pytest.mark.timeout(240)
def test_a_message_that_kills_the_process_is_given_up_and_no_other(tmp_path: Path) -> None:
    found = run(tmp_path, 4, 0, 12, "poison")
    turns = {turn["text"]: turn for turn in found["turns"]}
    assert turns.pop("poison")["reason"] == "the daemon died 4 times while it was running"
    assert {turn["state"] for turn in turns.values()} == {"answered"} and len(turns) == 12
    assert found["crashes"] == 4


@pytest.mark.full
@pytest.mark.timeout(240)
@pytest.mark.parametrize("innocents", [1, 15])
def test_twenty_kills_bury_nobody(tmp_path: Path, innocents: int) -> None:
    found = run(tmp_path, 6, 20, innocents)
    assert [turn["state"] for turn in found["turns"]] == ["answered"] * innocents
    assert found["killed"] == 20

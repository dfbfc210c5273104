"""What a disk refuses at a database's files is told, and passes, as the same failure of SQLite's own."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

_FAILING = """
import sys
from pathlib import Path
from mindbot.domain.errors import StoreError
from mindbot.store import lock, upgrade

folder, event, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
path = folder / "mindbot.db"
upgrade.ensure(path)
(folder / "mindbot.db.restoring").write_bytes(b"x")  # a start removes it

def hook(what, args):
    if what == event and (what == "fcntl.flock" or str(folder) in str(args[0])):
        raise OSError(number, "as the disk says")

sys.addaudithook(hook)
for step in (lock.one_user(path).__enter__, lambda: upgrade.ensure(path), lock.only_one(folder).__enter__):
    try:
        step()
    except StoreError as error:
        assert error.hint
        print(error.kind, error.passes)
"""


@pytest.mark.parametrize(
    ("event", "number", "told"),
    [
        ("open", errno.EROFS, ["store_read_only True"] * 2),
        ("open", errno.EIO, ["store_full True"] * 2),
        ("open", errno.ENOSPC, ["store_full True"] * 2),
        ("os.remove", errno.EROFS, ["store_read_only True"]),
        ("os.remove", errno.EACCES, ["store False"]),
        ("fcntl.flock", errno.ENOLCK, ["store_busy True"] * 2),
        ("fcntl.flock", errno.EOPNOTSUPP, ["store False"] * 2),
    ],
)
@pytest.mark.slow
def test_a_disk_that_refuses_says_what_mends_it_and_whether_it_passes(
    tmp_path: Path, event: str, number: int, told: list[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(_FAILING, encoding="utf-8")
    (tmp_path / "state").mkdir()
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "state"), event, str(number)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == told

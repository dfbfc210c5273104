"""A file that is saved is whole or gone, and its name is a harmless one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.api.saved import new_file
from mindbot.domain.errors import Invalid, StoreError
from mindbot.domain.names import saved_name

ID = hashlib.sha256(b"whole").hexdigest() + ".txt"


def test_what_is_cut_short_does_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(StoreError, match="did not come whole"), new_file(path, ID) as out:
        out.write(b"who")
    assert not path.exists()
    with new_file(path, ID) as out:
        out.write(b"who")
        out.write(b"le")
    assert path.read_bytes() == b"whole"
    with pytest.raises(Invalid, match="exists already"), new_file(path, ID):
        raise AssertionError("it was lent")
    assert path.read_bytes() == b"whole"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid), new_file(tmp_path / "link", ID):
        raise AssertionError("it was lent")
    assert not (tmp_path / "elsewhere").exists()


@given(st.text(max_size=400))
@settings(deadline=None)
def test_a_name_stays_in_its_folder(name: str) -> None:
    found = saved_name(name, ID)
    assert found and Path("/here", found).name == found and found not in (".", "..")
    assert found[0] not in "-~."
    assert not any(c < " " or c in "\x7f\u202e\u2028" for c in found)
    assert len(found.encode()) <= 255 - 16
    assert saved_name(found, ID) == found

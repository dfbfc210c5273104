"""The secret file keeps what it was given, tells a wrong key from damage, and survives its writers."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.config.secret_file import KEY_CREDENTIAL, SecretFile
from mindbot.domain.errors import NotFound, SecretError

KEY = base64.b64encode(bytes(range(32)))


def a_file(folder: Path, **environ: str) -> SecretFile:
    return SecretFile(folder / "state", environ)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_kept_comes_back_for_another_reader(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    assert file.get("mindbot", "a") is None and file.names("mindbot") == []
    file.set("mindbot", "a", "first")
    file.set("mindbot", "b", "密码\n\0")
    file.set("mindbot", "a", "second")
    file.set("other", "c", "x")
    again = a_file(tmp_path)
    assert again.get("mindbot", "a") == "second"
    assert again.get("mindbot", "b") == "密码\n\0"
    assert again.names("mindbot") == ["a", "b"]
    again.delete("mindbot", "a")
    assert file.get("mindbot", "a") is None
    with pytest.raises(NotFound):
        file.delete("mindbot", "a")


def test_only_its_owner_can_read_and_nothing_in_it_is_readable(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    before = os.umask(0)
    try:
        file.set("mindbot", "wecom-secret", "correct horse battery")
    finally:
        os.umask(before)
    assert (mode(file.file), mode(file.key_file), mode(tmp_path / "state")) == (0o600, 0o600, 0o700)
    content = file.file.read_bytes()
    assert b"correct" not in content and b"wecom" not in content
    assert {f.name for f in (tmp_path / "state").iterdir()} == {"secrets.bin", "secrets.key", "secrets.lock"}


def test_each_writing_is_sealed_anew(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    seen = set()
    for _ in range(3):
        file.set("mindbot", "a", "same")
        seen.add(file.file.read_bytes())
    assert len(seen) == 3


def test_a_key_from_a_credential_needs_no_key_file(tmp_path: Path) -> None:
    (tmp_path / KEY_CREDENTIAL).write_bytes(KEY + b"\n")
    file = a_file(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path))
    file.set("mindbot", "a", "v")
    assert not file.key_file.exists()
    assert a_file(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path)).get("mindbot", "a") == "v"
    with pytest.raises(SecretError, match=r"the key of .* is missing"):
        a_file(tmp_path).get("mindbot", "a")


def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    file.set("mindbot", "a", "v")
    file.key_file.unlink()
    for attempt in (lambda: file.get("mindbot", "a"), lambda: file.set("mindbot", "a", "w")):
        with pytest.raises(SecretError, match="is missing"):
            attempt()
    assert not file.key_file.exists()


def test_a_wrong_key_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    file.set("mindbot", "a", "v")
    right = file.key_file.read_bytes()
    file.key_file.write_bytes(KEY)
    with pytest.raises(SecretError, match="sealed with another key"):
        file.get("mindbot", "a")
    file.key_file.write_bytes(right)
    content = file.file.read_bytes()
    for damaged in (content[:-1], content[:20], b"", content[:-1] + b"\0", b"{}", content + b"x"):
        file.file.write_bytes(damaged)
        with pytest.raises(SecretError, match="is damaged"):
            file.get("mindbot", "a")


@pytest.mark.parametrize("text", [b"", b"not base 64!", base64.b64encode(b"short")])
def test_a_key_that_is_none(tmp_path: Path, text: bytes) -> None:
    file = a_file(tmp_path)
    file.set("mindbot", "a", "v")
    file.key_file.write_bytes(text)
    with pytest.raises(SecretError, match="holds no key"):
        file.get("mindbot", "a")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    file.set("mindbot", "a", "v")
    file.key_file.chmod(0o640)
    with pytest.raises(SecretError, match=r"can be read by others \(chmod 600"):
        file.get("mindbot", "a")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(SecretError, match="cannot"):
        a_file(tmp_path).set("mindbot", "a", "v")


def test_writers_do_not_lose_each_others_secrets(tmp_path: Path) -> None:
    def write(n: int) -> None:
        for i in range(5):
            a_file(tmp_path).set("mindbot", f"{n}-{i}", "v")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(a_file(tmp_path).names("mindbot")) == 20


@given(content=st.binary(max_size=200))
def test_any_damage_is_a_secret_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = a_file(tmp_path_factory.mktemp("s"))
    file.set("mindbot", "a", "v")
    file.file.write_bytes(content)
    with pytest.raises(SecretError):
        file.get("mindbot", "a")

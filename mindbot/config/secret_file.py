"""Secrets at rest: one file, sealed as a whole with AES-256-GCM, for hosts where no keyring answers.

The key is 32 bytes in base 64: the systemd credential ``mindbot-secrets-key`` where there is one, else a file
of mode 0600 beside the secrets, made when the first secret is kept. Who can read key and file can read the
secrets; without the key nothing can, names included.

Layout: magic line, 8 bytes naming the key, 12 bytes nonce, ciphertext with its 16-byte tag. The head is
authenticated too.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from mindbot.config.paths import give_to_owner
from mindbot.domain.errors import NotFound, SecretError

KEY_CREDENTIAL = "mindbot-secrets-key"

_MAGIC = b"mindbot secrets 1\n"
_KEY_BYTES, _KEY_ID_BYTES, _NONCE_BYTES = 32, 8, 12
_HEAD_BYTES = len(_MAGIC) + _KEY_ID_BYTES
_MAX_BYTES = 4 * 1024 * 1024

#: service → name → value
_Entries: TypeAlias = dict[str, dict[str, str]]


class SecretFile:
    """The secrets of one folder. Every method may block and raises SecretError."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.file = folder / "secrets.bin"
        self.key_file = folder / "secrets.key"
        self._folder = folder
        self._environ = environ

    def get(self, service: str, name: str) -> str | None:
        """Return a value, or None when there is none of that name."""
        return self._read().get(service, {}).get(name)

    def names(self, service: str) -> list[str]:
        """Return the names kept for a service, sorted."""
        return sorted(self._read().get(service, {}))

    def set(self, service: str, name: str, value: str) -> None:
        """Keep a value, or replace it; it is on disk when this returns."""
        with self._locked():
            entries = self._read()
            entries.setdefault(service, {})[name] = value
            self._write(entries)

    def delete(self, service: str, name: str) -> None:
        """Remove a value.

        Raises:
            NotFound: there is none of that name.
        """
        with self._locked():
            entries = self._read()
            if entries.get(service, {}).pop(name, None) is None:
                raise NotFound(f"no secret named {name!r}", hint="`mindbot secret list` shows the names")
            self._write(entries)

    # --- the sealed file

    def _read(self) -> _Entries:
        data = _contents(self.file)
        if data is None:
            return {}
        if not data.startswith(_MAGIC) or len(data) < _HEAD_BYTES + _NONCE_BYTES:
            raise self._damaged()
        key = self._key()
        if data[len(_MAGIC) : _HEAD_BYTES] != _key_id(key):
            raise SecretError(
                f"{self.file} was sealed with another key",
                hint=f"put the right one back: {self._key_place()}",
            )
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, sealed = data[_HEAD_BYTES:][:_NONCE_BYTES], data[_HEAD_BYTES + _NONCE_BYTES :]
        try:
            entries: _Entries = json.loads(AESGCM(key).decrypt(nonce, sealed, data[:_HEAD_BYTES]))
        except (InvalidTag, ValueError):
            raise self._damaged() from None
        return entries

    def _write(self, entries: _Entries) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._key(make=not self.file.exists())
        head, nonce = _MAGIC + _key_id(key), secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, json.dumps(entries).encode(), head)
        _write_private(self.file, head + nonce + sealed)

    def _damaged(self) -> SecretError:
        return SecretError(
            f"{self.file} is damaged", hint="restore it from a backup, or remove it and set the secrets again"
        )

    # --- the key

    def _key(self, *, make: bool = False) -> bytes:
        if credential := self._credential():
            text = _contents(credential)
            if text is not None:
                return _decoded(text, credential)
        _check_private(self.key_file)
        text = _contents(self.key_file)
        if text is not None:
            return _decoded(text, self.key_file)
        if not make:
            raise SecretError(f"the key of {self.file} is missing", hint=f"put it back: {self._key_place()}")
        key = secrets.token_bytes(_KEY_BYTES)
        _write_private(self.key_file, base64.b64encode(key) + b"\n")
        return key

    def _credential(self) -> Path | None:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        return Path(folder, KEY_CREDENTIAL) if folder else None

    def _key_place(self) -> str:
        return f"{self.key_file}, or the systemd credential {KEY_CREDENTIAL}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other writers out, in this process and others, from reading to writing."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path, flags = self._folder / "secrets.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            lock = os.open(path, flags, 0o600)
            give_to_owner(path)
        except OSError as error:
            raise _failed("write in", self._folder, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _key_id(key: bytes) -> bytes:
    """Names a key without telling it, so that a wrong key is told from a damaged file."""
    return hashlib.sha256(b"mindbot key id\n" + key).digest()[:_KEY_ID_BYTES]


def _decoded(text: bytes, place: Path) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SecretError(
            f"{place} holds no key", hint=f"{_KEY_BYTES} bytes in base 64, e.g. from: openssl rand -base64 32"
        )
    return key


def _check_private(file: Path) -> None:
    try:
        found = file.stat()
    except OSError:
        return  # reading it says what is wrong
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise SecretError(f"{file} can be read by others", hint=f"chmod 600 {file}")


def _contents(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed("read", file, error) from error


def _failed(what: str, path: Path, error: OSError) -> SecretError:
    return SecretError(f"cannot {what} {path}: {error.strerror}", hint="check its owner and mode")


def _write_private(file: Path, content: bytes) -> None:
    """Write a file of mode 0600 so that a crash leaves the old one or the new one, never a part."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        give_to_owner(fresh)
        fresh.replace(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _failed("write", file, error) from error

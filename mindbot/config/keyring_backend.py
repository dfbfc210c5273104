"""MindBot's secret file as a backend of `keyring`, so that its command and other programs can use it.

keyring -b mindbot.config.keyring_backend.MindBotKeyring get mindbot NAME
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError

from mindbot.config.paths import state_dir
from mindbot.config.secret_file import SecretFile
from mindbot.domain.errors import NotFound, SecretError

T = TypeVar("T")


class MindBotKeyring(KeyringBackend):
    """Keeps passwords in the state directory's secret file; ``$KEYRING_PROPERTY_FOLDER`` names another."""

    #: Low: a desktop's own keyring goes first when `keyring` chooses by itself.
    priority: ClassVar[float] = 0.4

    #: Set by `keyring` from ``$KEYRING_PROPERTY_FOLDER``.
    folder: str = ""

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password, or None; raises KeyringError."""
        return _translated(lambda: self._file().get(service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a password; it is on disk when this returns; raises KeyringError."""
        _translated(lambda: self._file().set(service, username, password))

    def delete_password(self, service: str, username: str) -> None:
        """Remove a password; raises PasswordDeleteError when there is none, KeyringError."""
        try:
            _translated(lambda: self._file().delete(service, username))
        except NotFound as error:
            raise PasswordDeleteError(str(error)) from error

    def _file(self) -> SecretFile:
        return SecretFile(state_dir(Path(self.folder) if self.folder else ""))


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except SecretError as error:
        raise KeyringError(str(error)) from error

"""Resolves references to secrets, late, and has every value masked wherever something is written.

``keyring:NAME`` is looked up in this order: the systemd credential NAME, the environment
(``$MINDBOT_SECRET_NAME``), the `keyring` backend that ``$PYTHON_KEYRING_BACKEND`` names, MindBot's own secret
file. ``credential:NAME`` is the credential only, ``${ENV}`` the environment only, any other text is the
secret itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread
from pydantic import SecretStr

from mindbot.config import lookalikes, references
from mindbot.config.paths import state_dir as usual_state_dir
from mindbot.config.secret_file import SecretFile
from mindbot.domain.errors import NotFound, SecretError
from mindbot.telemetry.redaction import Redactor, redactor

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

#: What MindBot's entries are called in a keyring.
SERVICE = "mindbot"


class SecretLookup:
    """Looks secrets up and remembers them until `forget`. Never shows one in a representation or an error."""

    def __init__(
        self,
        state_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
        masks: Redactor = redactor,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._file = SecretFile(state_dir or usual_state_dir("", self._environ), self._environ)
        self._masks = masks
        self._known: dict[str, str] = {}

    def get(self, value: SecretStr | str) -> str:
        """Return what a reference stands for, or the plain text itself. May block.

        Raises:
            SecretError: there is no such secret, or the place it is kept in cannot be opened.
        """
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if (known := self._known.get(text)) is not None:
            return known
        found = self._resolve(text)
        self._masks.register(found)
        self._known[text] = found
        return found

    async def aget(self, value: SecretStr | str) -> str:
        """Do as `get`, in a thread unless the secret is known already."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        known = self._known.get(text)
        return known if known is not None else await anyio.to_thread.run_sync(self.get, text)

    def forget(self) -> None:
        """Look everything up again the next time."""
        self._known.clear()

    def lookup(self, name: str) -> tuple[str, str]:
        """Return a named secret and where it was found. May block; raises SecretError."""
        _check_name(name)
        for place, ask in (
            ("systemd credential", self._credential),
            ("environment", lambda n: self._environ.get(variable(n))),
            ("keyring", self._from_keyring),
            ("secret file", lambda n: self._file.get(SERVICE, n)),
        ):
            if value := ask(name):
                self._masks.register(value)
                return value, place
        raise SecretError(f"no secret named {name!r}", hint=f"mindbot secret set {name}")

    # --- keeping secrets: in the named keyring, else in our file

    def set(self, name: str, value: str) -> None:
        """Keep a secret, or replace it. May block; raises SecretError.

        A key or certificate in PEM has line ends, which become LF; any other secret is one line.
        """
        _check_name(name)
        value = lookalikes.kept(value)
        if not value:
            raise SecretError("a secret cannot be empty", hint=f"mindbot secret delete {name} removes one")
        if why := lookalikes.unusable(value):
            raise SecretError(f"the value cannot be a secret: {why}", hint="copy it once more, alone")
        self._masks.register(value)
        if self._keyring_name():
            self._ask("keep", lambda keyring: keyring.set_password(SERVICE, name, value))
        else:
            self._file.set(SERVICE, name, value)
        self.forget()

    def delete(self, name: str) -> None:
        """Remove a secret that `set` kept. May block; raises NotFound, SecretError."""
        _check_name(name)
        if self._keyring_name():
            if self._ask("look up", lambda keyring: keyring.get_password(SERVICE, name)) is None:
                raise NotFound(f"no secret named {name!r}")
            self._ask("delete", lambda keyring: keyring.delete_password(SERVICE, name))
        else:
            self._file.delete(SERVICE, name)
        self.forget()

    def list(self) -> list[str]:
        """Return the names of the credentials and of the secret file. A keyring does not tell its names."""
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        try:
            credentials = [f.name for f in Path(folder).iterdir() if f.is_file()] if folder else []
        except OSError as error:
            raise SecretError(f"cannot list {folder}: {error.strerror}") from error
        return sorted({*credentials, *self._file.names(SERVICE)})

    # --- looking up

    def _resolve(self, text: str) -> str:
        if reference := references.named(text):
            kind, name = reference
            if kind == "keyring":
                return self.lookup(name)[0]
            _check_name(name)
            if (value := self._credential(name)) is None:
                hint = f"LoadCredential={name}:PATH in the unit; systemd.exec(5)"
                raise SecretError(f"no systemd credential named {name!r}", hint=hint)
            return value
        value, used, unset = references.expand(text, self._environ)
        if unset:
            raise SecretError(
                f"${{{unset[0]}}} is not set", hint=f"export {unset[0]}, or write keyring:NAME instead"
            )
        for part in used:
            self._masks.register(part)
        return value

    def _credential(self, name: str) -> str | None:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None
        try:
            return Path(folder, name).read_text(encoding="utf-8").removesuffix("\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretError(f"cannot read the credential {name!r}: {error.strerror}") from error
        except UnicodeDecodeError:
            raise SecretError(f"the credential {name!r} is not UTF-8 text") from None

    def _keyring_name(self) -> str:
        """The backend must be named: left to itself `keyring` may choose one that asks for a password."""
        return self._environ.get("PYTHON_KEYRING_BACKEND", "")

    def _from_keyring(self, name: str) -> str | None:
        if not self._keyring_name():
            return None
        return self._ask("look up", lambda keyring: keyring.get_password(SERVICE, name))

    def _ask(self, what: str, call: Callable[[KeyringBackend], T]) -> T:
        from keyring.core import load_keyring

        backend = self._keyring_name()
        try:
            return call(load_keyring(backend))
        except Exception as error:  # noqa: BLE001 - a stranger's code, whose messages may hold the secret
            raise SecretError(
                f"cannot {what} a secret with {backend}: {type(error).__name__}",
                hint="try `keyring diagnose`, or unset $PYTHON_KEYRING_BACKEND to use the secret file",
            ) from None


def variable(name: str) -> str:
    """Return the environment variable that may hold a named secret: ``MINDBOT_SECRET_WECOM_SECRET``."""
    return "MINDBOT_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def _check_name(name: str) -> None:
    if not references.NAME.fullmatch(name):
        raise SecretError(f"{name!r} is no name for a secret", hint="letters, digits, - _ and . only")

"""Files of the media store in a place of one's own: new, for oneself alone, and proved by what names them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from mindbot.domain.errors import Invalid, StoreError


class Sink(Protocol):
    """Takes the pieces of a file."""

    def write(self, data: bytes, /) -> object:
        """Take a piece; raises OSError."""


class Proved:
    """A file that is written, and counted into the hash that its id has to be."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write a piece; raises OSError."""
        self._digest.update(data)
        return self._out.write(data)

    @property
    def hash(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def new_file(path: Path, id: str) -> Iterator[Proved]:
    """Lend a new file, for oneself alone, for one of the media store. After the block it is whole, or gone.

    Raises:
        Invalid: there is one of that name, or it cannot be written.
        StoreError: what came is not what the id names.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Invalid(f"{path} exists already", hint="give another name") from error
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}", hint="give another name") from error
    try:
        with os.fdopen(handle, "wb") as out:
            proved = Proved(out)
            yield proved
        if proved.hash != id.partition(".")[0]:
            raise StoreError(
                f"the file {id} did not come whole",
                hint="try again; if it stays so, it is damaged where it is kept",
            )
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Invalid(f"cannot write {path}: {error.strerror or error}", hint="is there room?") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise

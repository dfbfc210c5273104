"""The media store in a local folder: one file per content, named by its hash."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from itertools import islice
from pathlib import Path

import orjson
import structlog

from mindbot.domain.host import File
from mindbot.media.kinds import type_of
from mindbot.media.spool import ID, MediaLimits, SpooledMedia, bytes_of, on_disk

log = structlog.get_logger("mindbot.media")

__all__ = ["FolderMedia", "MediaLimits", "bytes_of"]


class FolderMedia(SpooledMedia):
    """Equal contents share one file; what is known of it lies beside it, as JSON."""

    async def _keep(self, path: Path, file: File) -> None:
        await on_disk(partial(self._move, path, file))

    async def _find(self, id: str) -> File | None:
        return await on_disk(partial(self._facts, id))

    async def _begun(self, text: str, most: int) -> list[str]:
        return await on_disk(partial(self._named, text, most))

    async def _path(self, id: str) -> Path | None:
        return None if await self._find(id) is None else self._place(id)

    async def _purge(self, older_than: float) -> int:
        return await on_disk(partial(self._delete, older_than))

    async def _check(self) -> None:
        await on_disk(self._try)

    # --- in threads

    def _place(self, id: str) -> Path:
        return self._folder / id[:2] / id

    def _named(self, text: str, most: int) -> list[str]:
        names = (path.name for path in self._folder.glob(f"{text[:2]}/{text}*"))
        return list(islice(filter(ID.fullmatch, names), most))

    def _move(self, path: Path, file: File) -> None:
        place = self._place(file.id)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        facts = path.with_name(path.name + ".facts")
        with os.fdopen(os.open(facts, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(orjson.dumps(file.to_json()))
        facts.replace(_facts_of(place))
        path.replace(place)

    def _facts(self, id: str) -> File | None:
        place = self._place(id)
        try:
            size = place.stat().st_size
        except FileNotFoundError:
            return None
        try:
            facts = orjson.loads(_facts_of(place).read_bytes())
            return File(id, size, str(facts["type"]), str(facts["name"]))
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError) as error:
            # Its name was only kept there; what it is, its content says.
            log.warning("what is known of a file cannot be read", media=id, error=str(error))
            with place.open("rb") as content:
                return File(id, size, type_of("", "", content.read(64)))

    def _delete(self, older_than: float) -> int:
        gone = 0
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than:
                    path.unlink()
                    gone += path.suffix != ".facts"
        return gone

    def _try(self) -> None:
        path, out = self._begin()
        try:
            with out:
                out.write(b"mindbot")
                out.flush()
                os.fsync(out.fileno())
        finally:
            path.unlink(missing_ok=True)


def _facts_of(place: Path) -> Path:
    return place.with_name(place.name + ".facts")

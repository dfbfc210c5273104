"""The media store in a local folder: one file per content, named by its hash."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path

import orjson

from mindbot.domain.host import File
from mindbot.media.spool import MediaLimits, SpooledMedia, bytes_of, on_disk

__all__ = ["FolderMedia", "MediaLimits", "bytes_of"]


class FolderMedia(SpooledMedia):
    """Equal contents share one file; what is known of it lies beside it, as JSON."""

    async def _keep(self, path: Path, file: File) -> None:
        await on_disk(partial(self._move, path, file))

    async def _find(self, id: str) -> File | None:
        return await on_disk(partial(self._facts, id))

    async def _path(self, id: str) -> Path | None:
        return None if await self._find(id) is None else self._place(id)

    async def _purge(self, older_than: float) -> int:
        return await on_disk(partial(self._delete, older_than))

    async def _check(self) -> None:
        await on_disk(self._try)

    # --- in threads

    def _place(self, id: str) -> Path:
        return self._folder / id[:2] / id

    def _move(self, path: Path, file: File) -> None:
        place = self._place(file.id)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        facts = path.with_name(path.name + ".facts")
        facts.write_bytes(orjson.dumps(file.to_json()))
        facts.replace(_facts_of(place))
        path.replace(place)

    def _facts(self, id: str) -> File | None:
        place = self._place(id)
        try:
            size = place.stat().st_size
            facts = orjson.loads(_facts_of(place).read_bytes())
            return File(id, size, facts["type"], facts["name"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

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

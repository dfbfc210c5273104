"""What is kept outside the database: secrets in the keyring, files in the media store."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from pathlib import Path

import anyio.to_thread

from mindbot.config.secrets import SecretLookup
from mindbot.domain.shapes.daemon import FileJson
from mindbot.media.spool import SpooledMedia
from mindbot.runtime.resources.naming import file_named


class SecretResource:
    """Answers ``/v1/secrets``. ``changed`` is told of each new one: whoever was refused may try again."""

    def __init__(self, secrets: SecretLookup, changed: Callable[[], None] = lambda: None) -> None:
        self._secrets = secrets
        self._changed = changed

    async def set_secret(self, name: str, value: str) -> None:
        """Keep a secret in the keyring; raises SecretError."""
        await anyio.to_thread.run_sync(self._secrets.set, name, value)
        self._changed()

    async def list_secrets(self) -> list[str]:
        """Return the names of stored secrets."""
        return await anyio.to_thread.run_sync(self._secrets.list)

    async def delete_secret(self, name: str) -> None:
        """Remove a secret; raises NotFound."""
        await anyio.to_thread.run_sync(self._secrets.delete, name)


class MediaResource:
    """Answers ``/v1/media``."""

    def __init__(self, media: SpooledMedia) -> None:
        self._media = media

    async def upload(self, chunks: AsyncIterable[bytes], name: str) -> FileJson:
        """Put a file into the media store; raises Invalid, StoreError."""
        return (await self._media.save(chunks, name=name)).to_json()

    async def facts(self, id: str) -> FileJson:
        """Return what is known of a file; raises NotFound, Invalid, StoreError."""
        return (await file_named(self._media, id)).to_json()

    async def content(self, id: str) -> tuple[FileJson, Path]:
        """Return the same, and a local file to read it from at once; raises NotFound, Invalid, StoreError."""
        file = await file_named(self._media, id)
        return file.to_json(), await self._media.path(file.id)

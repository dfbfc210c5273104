"""Knowledge bases of Dify's: what is in them, what is found there, documents put into them."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable

from mindbot.domain.shapes.workflows import DatasetDocumentJson, DatasetJson, DatasetPieceJson
from mindbot.media.spool import SpooledMedia
from mindbot.runtime.generation import Generation
from mindbot.workflows.datasets import Datasets


class DatasetResource:
    """Answers ``/v1/datasets``. ``current`` returns the generation in force; ``media`` has uploaded files."""

    def __init__(self, current: Callable[[], Generation], media: SpooledMedia) -> None:
        self._current = current
        self._media = media

    @property
    def _datasets(self) -> Datasets:
        return self._current().workflows.datasets

    async def datasets(self) -> list[DatasetJson]:
        """Return every configured one."""
        return await self._datasets.all()

    async def documents(self, name: str) -> list[DatasetDocumentJson]:
        """Return what is in one; raises NotFound, VendorError."""
        return await self._datasets.documents(name)

    async def query(self, name: str, text: str) -> list[DatasetPieceJson]:
        """Return what a question finds in one; raises NotFound, Invalid, VendorError."""
        return await self._datasets.query(name, text)

    async def put(self, name: str, file: str, title: str) -> DatasetDocumentJson:
        """Put a file of the media store into one; raises NotFound, Invalid, VendorError."""
        path = await self._media.path(file)
        title = title or file
        return await self._datasets.upload(name, path, title, mimetypes.guess_type(title)[0] or "")

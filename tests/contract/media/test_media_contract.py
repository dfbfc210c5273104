"""The media stores keep the contract: a folder, and a bucket on moto's server."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from s3_here import Bucket, s3_server

from mindbot.http.client import HttpClient
from mindbot.media.bucket import BucketMedia, BucketPlace
from mindbot.media.folder import FolderMedia
from mindbot.testing.media import MediaContract, MediaRig


class TestFolder(MediaContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[MediaRig]:
        async with HttpClient() as http:
            yield MediaRig(lambda limits: FolderMedia(tmp_path, http, limits), tmp_path, http)


@pytest.fixture(scope="module")
def s3() -> Iterator[Bucket]:
    with s3_server() as bucket:
        yield bucket


class TestBucket(MediaContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path, s3: Bucket) -> AsyncIterator[MediaRig]:
        place = BucketPlace(s3.bucket, f"tests/{uuid.uuid4().hex}", s3.endpoint, path_style=True)
        async with HttpClient() as http:
            yield MediaRig(
                lambda limits: BucketMedia(place, tmp_path, http, limits, keys=s3.keys), tmp_path, http
            )

"""A bucket behind a company's own authority: whom its client trusts."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from mindbot.config.load import load
from mindbot.domain.errors import ConfigError, StoreError
from mindbot.http.client import HttpClient
from mindbot.media.bucket import BucketMedia, BucketPlace
from mindbot.runtime.app import Runtime

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def bucket_over_tls(certificate: trustme.LeafCert) -> AsyncIterator[str]:
    """Take whatever is put, over TLS on loopback; yields the endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    async def take(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(headers={"ETag": '"0"'})

    runner = web.ServerRunner(web.Server(take, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def keys() -> tuple[str, str]:
    return "AKIDTEST", "a-secret-key"


@pytest.mark.slow
async def test_a_bucket_is_trusted_by_the_ca_file_alone(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with bucket_over_tls(ca.issue_cert("localhost")) as endpoint, HttpClient() as http:
        place = BucketPlace("b", endpoint=endpoint, path_style=True)
        await BucketMedia(place, tmp_path, http, keys=keys, ca_file=str(tmp_path / "ca.pem")).check()
        with pytest.raises(StoreError, match="its certificate is not trusted") as refused:
            await BucketMedia(place, tmp_path, http, keys=keys).check()
        assert "http.ca_file" in refused.value.hint
        (tmp_path / "none.pem").write_text("nothing")
        with pytest.raises(ConfigError, match="holds no certificate"):
            await BucketMedia(place, tmp_path, http, keys=keys, ca_file=str(tmp_path / "none.pem")).check()


@pytest.mark.slow
async def test_the_configurations_ca_file_reaches_the_bucket(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with bucket_over_tls(ca.issue_cert("localhost")) as endpoint:
        (tmp_path / "mindbot.yaml").write_text(
            f"state_dir: {tmp_path}/state\nhttp: {{ca_file: {tmp_path}/ca.pem}}\n"
            f"media: {{store: s3, bucket: b, endpoint: '{endpoint}', path_style: true, access_key: a, "
            "secret_key: b}\n"
        )
        async with Runtime.open(load([tmp_path / "mindbot.yaml"]), tmp_path / "state") as runtime:
            await runtime.media.check()

"""Certificates nobody trusts: failures that pass when they are mended, told in words with the mend."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.streams.tls import TLSListener

from mindbot.domain.errors import ConfigError, NetworkFailed
from mindbot.http.client import HttpClient
from mindbot.http.tls import context
from mindbot.http.websocket import open_websocket

pytestmark = pytest.mark.anyio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@asynccontextmanager
async def tls_server(certificate: trustme.LeafCert) -> AsyncIterator[int]:
    """Answer everything with "ok" on loopback; yields the port."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server)

    async def answer(stream: anyio.abc.ByteStream) -> None:
        try:
            async with stream:
                await stream.receive()
                await stream.send(ANSWER)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass  # whoever does not trust us hangs up

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    secure = TLSListener(listener, server, standard_compatible=False)
    async with secure, anyio.create_task_group() as tasks:
        tasks.start_soon(secure.serve, answer)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


async def test_a_companys_own_authority_is_trusted_by_http_and_websockets(
    ca: trustme.CA, ca_file: str
) -> None:
    async with (
        tls_server(ca.issue_cert("localhost")) as port,
        HttpClient(tls=lambda: context(ca_file)) as http,
    ):
        http.allow(f"https://localhost:{port}")
        assert (await http.request("GET", f"https://localhost:{port}/")).body == b"ok"
        with pytest.raises(NetworkFailed, match="refused with HTTP 200"):  # past TLS
            await open_websocket(http, f"wss://localhost:{port}/", max_size=1000)


@pytest.mark.parametrize(
    ("kind", "words", "mend"),
    [
        ("unknown", "unable to get local issuer certificate", "http.ca_file"),
        ("expired", "certificate has expired", "this machine's clock says"),
        ("early", "certificate is not yet valid", "this machine's clock says"),
        ("another", "Hostname mismatch", "check the address"),
    ],
)
async def test_a_certificate_that_is_not_trusted_is_a_failure_that_passes_with_the_mend(
    ca: trustme.CA, ca_file: str, kind: str, words: str, mend: str
) -> None:
    now = datetime.now(UTC)
    certificate = {
        "unknown": lambda: trustme.CA().issue_cert("localhost"),
        "expired": lambda: ca.issue_cert(
            "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)
        ),
        "early": lambda: ca.issue_cert(
            "localhost", not_before=now + timedelta(days=1), not_after=now + timedelta(days=9)
        ),
        "another": lambda: ca.issue_cert("another.example"),
    }[kind]()
    async with tls_server(certificate) as port, HttpClient(tls=lambda: context(ca_file)) as http:
        at = f"localhost:{port}/path?access_token=s3cr3t"
        http.allow(f"https://localhost:{port}")
        failures = []
        with pytest.raises(NetworkFailed) as caught:
            await http.request("POST", f"https://{at}")
        failures.append(caught.value)
        with pytest.raises(NetworkFailed) as caught:
            async with http.stream("POST", f"https://{at}"):
                pass
        failures.append(caught.value)
        with pytest.raises(NetworkFailed) as caught:
            await open_websocket(http, f"wss://{at}", max_size=1000)
        failures.append(caught.value)
    for error in failures:
        assert error.retryable and not error.sent and error.code == "tls"
        assert words in error.message and mend in error.hint
        assert "s3cr3t" not in str(error) and f"localhost:{port}" in str(error)


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_file_that_holds_no_authority_says_so(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"http\.ca_file") as caught:
        context(str(path))
    assert str(path) in str(caught.value) and "PEM" in caught.value.hint

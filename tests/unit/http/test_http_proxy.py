"""The way out through a proxy: which calls, in which form, with whose credentials."""

from __future__ import annotations

from base64 import b64encode

import pytest
from yarl import URL

from mindbot.domain.errors import ConfigError, NetworkFailed
from mindbot.http.client import HttpClient
from mindbot.http.proxy import Proxies, Proxy
from mindbot.http.websocket import open_websocket

pytestmark = pytest.mark.anyio

BYPASS = [
    "corp.example",
    ".inner.example",
    "10.0.0.0/8",
    "192.168.1.7",
    "vendor.example:8443",
    "[fd00::1]",
    "",
]


@pytest.mark.parametrize(
    ("address", "direct"),
    [
        ("https://api.example/v1", False),
        ("wss://api.example", False),
        ("http://localhost:11434", True),
        ("http://LOCALHOST./", True),
        ("http://127.8.8.8/", True),
        ("http://[::1]:8000/", True),
        ("https://corp.example/", True),
        ("https://a.b.corp.example/", True),
        ("https://notcorp.example/", False),
        ("https://x.inner.example/", True),
        ("http://10.9.8.7:8000/v1", True),
        ("http://11.9.8.7:8000/v1", False),
        ("http://192.168.1.7/", True),
        ("https://vendor.example:8443/", True),
        ("https://vendor.example/", False),
        ("http://[fd00::1]/", True),
    ],
)
def test_what_is_reached_directly(address: str, direct: bool) -> None:
    proxies = Proxies.through("http://proxy.example:3128", BYPASS)
    assert (proxies.of(URL(address)) is None) == direct


def test_a_star_bypasses_everything() -> None:
    assert Proxies.through("proxy.example:3128", ["*"]).of(URL("https://api.example")) is None


def test_the_environment_is_read_as_other_programs_read_it() -> None:
    environ = {
        "HTTPS_PROXY": "http://capital.example:1",
        "https_proxy": "http://small.example:2",
        "ALL_PROXY": "any.example:3",
        "NO_PROXY": "a.example, b.example",
    }
    proxies = Proxies.of_environment(environ)
    ways = {at: proxies.of(URL(at)) for at in ("https://v.example", "wss://v.example", "http://v.example")}
    assert {at: str(way.url) for at, way in ways.items() if way} == {
        "https://v.example": "http://small.example:2",
        "wss://v.example": "http://small.example:2",
        "http://v.example": "http://any.example:3",
    }
    assert proxies.of(URL("https://x.b.example")) is None
    assert Proxies.of_environment({}).of(URL("https://v.example")) is None


@pytest.mark.parametrize(
    "address", ["socks5://p.example:1080", "https://p.example:443", "http://", "ftp://p:1", "h:x"]
)
def test_a_proxy_that_is_not_spoken_to_is_named_with_the_mend(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Proxies.through(address)
    assert "http.proxy" in str(caught.value) and caught.value.hint
    found = Proxies.of_environment({"ALL_PROXY": address})
    assert found.all == set() and "ALL_PROXY" in found.problems[0]


def test_credentials_are_shown_nowhere() -> None:
    proxy = Proxy.read("http://me:s3cr3t-pa%2Fss@p.example:3128")
    assert "s3cr3t" not in repr(proxy) + str(proxy.url)
    assert proxy.password == "s3cr3t-pa/ss"
    assert proxy.authorization == "Basic " + b64encode(b"me:s3cr3t-pa/ss").decode()
    assert Proxy.read("p.example:1", user="a@b", password="c:d").whole == "http://a%40b:c%3Ad@p.example:1"


async def test_calls_take_the_proxy_and_loopback_does_not(peer) -> None:
    async def answer(wire) -> None:
        while await wire.request():
            await wire.answer(b"x")

    async with peer(answer) as proxy, peer(answer) as near:
        address = proxy.url.replace("http://", "http://me:pass@")
        async with HttpClient(proxies=Proxies.through(address)) as http:
            http.allow(near.url)
            for _ in range(2):
                await http.request("GET", "http://vendor.invalid/x")
            await http.request("GET", near.url)
    assert [each.split(b"\r\n")[0] for each in proxy.requests] == [
        b"GET http://vendor.invalid/x HTTP/1.1"
    ] * 2
    assert proxy.connections == 1
    assert b"Proxy-Authorization: Basic " + b64encode(b"me:pass") in proxy.requests[0]
    assert b"Proxy-Authorization" not in near.requests[0]


async def test_tls_goes_through_a_tunnel_that_alone_gets_the_credentials(peer) -> None:
    async def refuse(wire) -> None:
        await wire.request()
        await wire.answer(status="407 Proxy Authentication Required")

    async with (
        peer(refuse) as proxy,
        HttpClient(proxies=Proxies.through(proxy.url, user="u", password="p")) as http,
    ):
        for address in ("https://vendor.invalid/x?token=t", "http://vendor.invalid/x?token=t"):
            with pytest.raises(NetworkFailed) as caught:
                await http.request("POST", address)
            error = caught.value
            assert (error.code, error.sent) == ("proxy", False)
            assert "the proxy answered 407" in str(error) and "http.proxy_password" in error.hint
        with pytest.raises(NetworkFailed, match="the proxy answered 407") as caught:
            await open_websocket(http, "wss://vendor.invalid/ws?ticket=s3cr3t", max_size=1000)
    assert "s3cr3t" not in str(caught.value) and "http.proxy_password" in caught.value.hint
    assert [each.split(b"\r\n")[0] for each in proxy.requests] == [
        b"CONNECT vendor.invalid:443 HTTP/1.1",
        b"POST http://vendor.invalid/x?token=t HTTP/1.1",
        b"CONNECT vendor.invalid:443 HTTP/1.1",
    ]
    assert all(b"roxy-Authorization: Basic" in each for each in proxy.requests)


async def test_a_redirect_to_loopback_or_past_the_proxy_is_judged_anew(peer) -> None:
    async def elsewhere(wire) -> None:
        await wire.request()
        await wire.answer(status="302 Found", extra=b"Location: http://near.invalid:9/\r\n")

    async with peer(elsewhere) as proxy:
        ways = Proxies.through(proxy.url, ["near.invalid"])
        async with HttpClient(proxies=ways) as http:
            with pytest.raises(NetworkFailed) as caught:
                await http.request("GET", "http://vendor.invalid/", redirects=1)
    assert caught.value.code == "dns"  # asked here, not of the proxy
    assert len(proxy.requests) == 1

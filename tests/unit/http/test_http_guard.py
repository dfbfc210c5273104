"""Which addresses may be called."""

from __future__ import annotations

import socket

import pytest
from yarl import URL

from mindbot.domain.errors import Forbidden, NetworkFailed, Rejected
from mindbot.http.client import HttpClient
from mindbot.http.guard import GuardedResolver, check_name, is_public, safe_target
from mindbot.http.proxy import Proxies

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata of AWS, Azure, Google Cloud
        "100.100.100.200",  # metadata of Alibaba Cloud
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.119.24.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST"])
async def test_private_hosts_are_refused(host: str) -> None:
    async with HttpClient() as http:
        with pytest.raises(Forbidden):
            await http.request("GET", f"http://{host}:9/")
        with pytest.raises(Forbidden):
            async with http.stream("GET", f"http://{host}:9/"):
                pass


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "[::ffff:7f00:1]"]
)
async def test_other_spellings_of_a_private_address_are_refused(host: str) -> None:
    async with HttpClient(connect=0.5) as http:
        with pytest.raises((Forbidden, NetworkFailed, Rejected)) as caught:
            await http.request("GET", f"http://{host}:9/")
        if isinstance(caught.value, NetworkFailed):  # no name of this machine's resolver
            assert caught.value.code == "dns"


@pytest.mark.parametrize("scheme", ["ws", "wss", "tcp", "ftp", "file", "gopher"])
async def test_nothing_but_http_is_called(scheme: str) -> None:
    async with HttpClient() as http:
        http.allow("http://127.0.0.1:9")
        with pytest.raises((Forbidden, Rejected)):
            await http.request("GET", f"{scheme}://127.0.0.1:9/etc/passwd")


async def test_of_a_names_addresses_only_public_ones_are_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that resolves differently each time gets nowhere: what was checked is what is connected to."""
    answers = [["127.0.0.1", "1.1.1.1", "169.254.169.254"], ["127.0.0.1"], ["::1", "10.0.0.1"]]
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            (family[":" in ip], socket.SOCK_STREAM, 6, "", (ip, port, 0, 0) if ":" in ip else (ip, port))
            for ip in answers.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolver = GuardedResolver({("configured.example", 80)})
    assert [each["host"] for each in await resolver.resolve("rebinding.example", 80)] == ["1.1.1.1"]
    for _ in range(2):
        with pytest.raises(Forbidden, match=r"rebinding\.example"):
            await resolver.resolve("rebinding.example", 80)
    answers.append(["10.0.0.1"])
    assert [each["host"] for each in await resolver.resolve("configured.example", 80)] == ["10.0.0.1"]
    answers.append(["10.0.0.1"])
    with pytest.raises(Forbidden):
        await resolver.resolve("configured.example", 8080)


@pytest.mark.parametrize(
    ("addresses", "passes"),
    [
        (["8.8.8.8", "2606:4700::1"], True),
        (["fd00::1"], False),
        (["8.8.8.8", "fd00::1"], False),
        (["2606:4700::1", "10.0.0.1"], False),
        ([], True),
    ],
)
async def test_all_addresses_of_a_name_are_looked_at_before_a_proxy_gets_it(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], passes: bool
) -> None:
    """The proxy resolves by itself, and may have a kind of addresses that this machine has not."""

    def getaddrinfo(
        host: object, port: int, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[object]:
        assert not flags & socket.AI_ADDRCONFIG
        found: list[object] = [
            (kind, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)[: 4 if kind == socket.AF_INET6 else 2])
            for address in addresses
            for kind in [socket.AF_INET6 if ":" in address else socket.AF_INET]
            if family in (0, kind)
        ]
        if not found:
            raise socket.gaierror("none of that kind")
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    if passes:
        await check_name(URL("http://files.example/"), set())
        return
    with pytest.raises(Forbidden, match="private address"):
        await check_name(URL("http://files.example/"), set())
    await check_name(URL("http://files.example/"), {("files.example", 80)})


async def test_a_configured_host_opens_only_its_own_port(peer) -> None:
    async def answer(wire) -> None:
        while await wire.request():
            await wire.answer()

    async with peer(answer) as configured, peer(answer) as other, HttpClient() as http:
        http.allow(f"http://localhost:{configured.port}/v1")
        assert (await http.request("GET", f"http://localhost:{configured.port}/v1")).status == 200
        for url in (other.url, f"http://localhost:{other.port}/", configured.url):
            with pytest.raises(Forbidden):
                await http.request("GET", url)
    assert other.requests == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example.com/v1/chat?key=abc", "https://api.example.com/v1/chat"),
        ("https://user:pass@example.com:8443/x#frag", "https://example.com:8443/x"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        (
            "https://hooks.example.com/hook/0123456789abcdef0123456789abcdef",
            "https://hooks.example.com/hook/0123…",
        ),
        ("http://h:99999/", "(an unusable URL)"),
        ("/relative?token=x", "(a URL without a host)"),
    ],
)
def test_what_people_may_see_of_a_url(url: str, shown: str) -> None:
    assert safe_target(url) == shown


async def test_a_proxy_gets_the_calls_but_no_private_addresses(peer) -> None:
    async def answer(wire) -> None:
        while await wire.request():
            await wire.answer(b"by proxy")

    async with peer(answer) as proxy, HttpClient(proxies=Proxies.through(proxy.url)) as http:
        assert (await http.request("GET", "http://vendor.invalid/x")).body == b"by proxy"
        for host in ("169.254.169.254", "2852039166", "0xa9fea9fe", "10.1", "[::ffff:10.0.0.1]", "intranet"):
            with pytest.raises(Forbidden):
                await http.request("GET", f"http://{host}/latest/meta-data")
    assert [request.split(b"\r\n")[0] for request in proxy.requests] == [
        b"GET http://vendor.invalid/x HTTP/1.1"
    ]

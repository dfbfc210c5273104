"""Which calls go through an HTTP proxy, and through which."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.request import getproxies_environment

from yarl import URL

from mindbot.domain.errors import ConfigError

PROXY_ANSWERED = "the proxy answered {}"
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}
#: What the environment's names for proxies mean, in the order in which they count.
_NAMES = {False: ("http", "all"), True: ("https", "all")}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy: its address without credentials, the header that has them (empty: none), and the address
    with them, for libraries that take no header.
    """

    url: URL
    authorization: str = field(repr=False)
    password: str = field(repr=False)
    whole: str = field(repr=False)

    @classmethod
    def read(cls, text: str, what: str = "http.proxy", *, user: str = "", password: str = "") -> Proxy:
        """Read ``http://host:3128``, which may hold ``user:password@``; raises ConfigError."""
        try:
            url = URL(text if "://" in text else f"http://{text}")
            usable = bool(url.host) and url.port is not None
        except ValueError:
            url, usable = URL(), False
        if url.scheme.startswith("socks"):
            mend = "give the HTTP address of the proxy (most offer both), or put an HTTP proxy in front of it"
            raise ConfigError(f"{what}: SOCKS is not spoken", hint=mend)
        if not usable or url.scheme != "http":
            raise ConfigError(f"{what}: is no address of a proxy", hint="write http://host:3128")
        user, password = user or url.user or "", password or url.password or ""
        pair = b64encode(f"{user}:{password}".encode()).decode()
        plain = URL.build(scheme="http", host=url.host or "", port=url.port)
        whole = plain.with_user(user).with_password(password) if user else plain
        return cls(plain, f"Basic {pair}" if user else "", password, str(whole))


class Proxies:
    """Finds the proxy of an address. Loopback is never reached through one.

    ``bypass`` is as in ``NO_PROXY``: names (with all names below them), addresses, networks
    (``10.0.0.0/8``), each with a port or without, ``*`` for everything.
    """

    def __init__(self, plain: Proxy | None = None, secure: Proxy | None = None, bypass: Iterable[str] = ()):
        self._of = {False: plain, True: secure}
        self._bypass = [each.strip().lower() for each in bypass if each.strip()]
        self.problems: list[str] = []

    @classmethod
    def through(cls, text: str, bypass: Iterable[str] = (), *, user: str = "", password: str = "") -> Proxies:
        """Return the way through one proxy; raises ConfigError."""
        proxy = Proxy.read(text, user=user, password=password)
        return cls(proxy, proxy, bypass)

    @classmethod
    def of_environment(
        cls,
        environ: Mapping[str, str] | None = None,
        bypass: Iterable[str] = (),
        *,
        user: str = "",
        password: str = "",
    ) -> Proxies:
        """Read ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, small letters first.

        What cannot be used is left out and told in ``problems``.
        """
        named = _read(environ)
        found: dict[bool, Proxy | None] = {}
        problems = []
        for secure, names in _NAMES.items():
            found[secure] = None
            for name in names:
                if not (text := named.get(name, "")):
                    continue
                try:
                    found[secure] = Proxy.read(
                        text, f"{name.upper()}_PROXY of the environment", user=user, password=password
                    )
                    break
                except ConfigError as error:
                    problems.append(str(error))
        self = cls(found[False], found[True], [*named.get("no", "").split(","), *bypass])
        self.problems = list(dict.fromkeys(problems))
        return self

    @property
    def all(self) -> set[Proxy]:
        """Every proxy there is."""
        return {proxy for proxy in self._of.values() if proxy is not None}

    def of(self, url: URL) -> Proxy | None:
        """Return the proxy to this address; None: go there directly."""
        proxy = self._of.get(_SECURE.get(url.scheme, False))
        host = (url.raw_host or "").rstrip(".").lower()
        if proxy is None or _is_loopback(host):
            return None
        return None if any(_matches(each, host, url.port or 0) for each in self._bypass) else proxy


def proxy_mend(status: int) -> str:
    """Return what mends a proxy's refusal."""
    if status == 407:
        return "it wants credentials: http.proxy_user and http.proxy_password"
    return "does the proxy allow this address and port? http.no_proxy names what is reached without it"


def _read(environ: Mapping[str, str] | None) -> dict[str, str]:
    if environ is None:
        return getproxies_environment()
    found = {k.lower()[:-6]: v for k, v in environ.items() if k.lower().endswith("_proxy") and k != k.lower()}
    return found | {k[:-6]: v for k, v in environ.items() if k.endswith("_proxy")}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _matches(pattern: str, host: str, port: int) -> bool:
    if pattern == "*":
        return True
    name, colon, number = pattern.rpartition(":")
    if colon and number.isdecimal() and (":" not in name or name.startswith("[")):
        if int(number) != port:
            return False
        pattern = name
    pattern = pattern.strip("[]")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    except (ValueError, TypeError):  # one of them is a name
        bare = pattern.removeprefix("*").lstrip(".")
        return bool(bare) and (host == bare or host.endswith(f".{bare}"))

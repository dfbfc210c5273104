"""The way out of this machine, as the `http:` section has it."""

from __future__ import annotations

import structlog
from anyio import to_thread

from mindbot.config.secrets import SecretLookup
from mindbot.config.sections import HttpSettings
from mindbot.http.client import HttpClient
from mindbot.http.proxy import Proxies
from mindbot.telemetry.redaction import redactor

log = structlog.get_logger("mindbot.http")


async def prepare(http: HttpClient, settings: HttpSettings, secrets: SecretLookup) -> None:
    """Give the client its proxies and whom it trusts, before its first call.

    Raises:
        ConfigError: ``http.ca_file`` or ``http.proxy`` cannot be used.
        SecretError: the proxy's password is not there.
    """
    await to_thread.run_sync(http.trust)  # reads files
    proxies = await _proxies(settings, secrets)
    for proxy in proxies.all:
        redactor.register(proxy.authorization.removeprefix("Basic "))
        redactor.register(proxy.password)
        log.info("http.proxy", proxy=str(proxy.url), environment=settings.proxy == "environment")
    for problem in proxies.problems:
        log.warning("http.proxy_unusable", error=problem)
    http.use(proxies)


async def _proxies(settings: HttpSettings, secrets: SecretLookup) -> Proxies:
    if settings.proxy == "none":
        return Proxies()
    password = await secrets.aget(settings.proxy_password) if settings.proxy_password else ""
    user, bypass = settings.proxy_user, settings.no_proxy
    if settings.proxy == "environment":
        return Proxies.of_environment(bypass=bypass, user=user, password=password)
    return Proxies.through(settings.proxy, bypass, user=user, password=password)

"""TLS: whom we trust, and in words why a server is not trusted."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

from mindbot.domain.errors import ConfigError

#: OpenSSL's X509_V_ERR_… ("openssl-verification-options"): what mends each kind.
_NOT_YET, _EXPIRED, _HOST, _ADDRESS = 9, 10, 62, 64


def context(ca_file: str = "") -> ssl.SSLContext:
    """Return the context of all calls: the system's authorities, and those of ``ca_file``.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    found = ssl.create_default_context()
    if ca_file:
        try:
            found.load_verify_locations(ca_file)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            why = (
                "holds no certificate"
                if isinstance(error, ssl.SSLError)
                else (getattr(error, "strerror", "") or error)
            )
            raise ConfigError(
                f"http.ca_file: {ca_file}: {why}",
                hint="a file of certificates in PEM, readable by the daemon",
            ) from error
    return found


def certificates(ca_file: str) -> bytes:
    """Return what ``ca_file`` holds, for a library that makes its own connections; raises ConfigError."""
    context(ca_file)  # says what is wrong with it
    return Path(ca_file).read_bytes()


def untrusted(error: BaseException) -> tuple[str, str] | None:
    """Return why a certificate was refused, and the mend; None when it was something else.

    The certificate's error may be the cause of another: libraries wrap it, aiohttp in one of the same class.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_code"):
            why = cause.verify_message.rstrip(".")
            return f"its certificate is not trusted: {why}", _mend(cause.verify_code)
        cause = cause.__cause__ or cause.__context__
    return None


def _mend(code: int) -> str:
    if code in (_NOT_YET, _EXPIRED):
        today = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        return f"this machine's clock says {today}; if that is right, the server needs a new certificate"
    if code in (_HOST, _ADDRESS):
        return "the certificate is another server's: check the address in the configuration, and the DNS"
    return (
        "bring the system's ca-certificates up to date; behind a company's own authority or a proxy that "
        "opens TLS, name its certificate in http.ca_file"
    )

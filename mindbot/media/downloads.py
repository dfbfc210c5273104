"""What a download's answer says: how the file is called, or where it is instead."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import urljoin, urlsplit

from mindbot.domain.errors import Rejected
from mindbot.domain.names import file_name


def name_in(disposition: str) -> str:
    """Return the file name of a Content-Disposition header, without folders; empty when it has none."""
    if not disposition:
        return ""
    message = EmailMessage()
    try:
        message["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ")
        return file_name(message.get_filename() or "")
    except Exception:  # noqa: BLE001 - the parser of odd headers breaks in many ways; a file needs no name
        return ""


def followed(
    url: str, location: str, headers: Mapping[str, str] | None
) -> tuple[str, Mapping[str, str] | None]:
    """Return where a redirect leads and what is told there; headers may hold a secret of the first host."""
    try:
        target = urljoin(url, location)
        before, after = urlsplit(url), urlsplit(target)
    except ValueError as error:
        raise Rejected("the download was redirected to something that is no address") from error
    if after.scheme not in ("http", "https"):
        raise Rejected(f"the download was redirected to {after.scheme or 'nowhere'}:")
    if before.scheme == "https" and after.scheme == "http":
        raise Rejected("the download was redirected from https to http")
    same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
    return target, headers if same else None

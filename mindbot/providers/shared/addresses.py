"""Addresses of vendors' services: versions in base URLs, and what is asked in a query. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from mindbot.http.guard import endpoint

_VERSION = re.compile(r"/v\d\w*/?$")


def versioned(base_url: str, version: str) -> str:
    """Return a base URL with its version: operators write it with and without."""
    path = base_url.partition("?")[0]
    return base_url if _VERSION.search(path) else endpoint(base_url, f"/{version}")


def asking(url: str, **query: str) -> str:
    """Return an address with these added to its query; those that are empty are left out."""
    added = urlencode({name: value for name, value in query.items() if value})
    return f"{url}{'&' if '?' in url else '?'}{added}" if added else url

"""The base URLs of vendors whose services have versions. Pure."""

from __future__ import annotations

import re

from mindbot.http.guard import endpoint

_VERSION = re.compile(r"/v\d\w*/?$")


def versioned(base_url: str, version: str) -> str:
    """Return a base URL with its version: operators write it with and without."""
    path = base_url.partition("?")[0]
    return base_url if _VERSION.search(path) else endpoint(base_url, f"/{version}")

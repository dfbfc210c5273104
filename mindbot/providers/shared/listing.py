"""The models that a vendor tells of, in whatever list it does so. Pure."""

from __future__ import annotations

from typing import Any

from mindbot.domain.errors import Overloaded

_MOST = 10_000  # models


def names_of(vendor: str, doc: Any, listed: str, name: str) -> list[str]:
    """Return the names in a list of models; ``listed`` is the list's field, ``name`` the one in each.

    Raises:
        Overloaded: there is no such list.
    """
    found = doc.get(listed) if isinstance(doc, dict) else doc
    if not isinstance(found, list):
        raise Overloaded(f"{vendor}: answered with something that is no list of models", code="garbage")
    names = (each.get(name) for each in found[:_MOST] if isinstance(each, dict))
    return [each for each in names if isinstance(each, str) and each]

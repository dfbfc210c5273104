"""What type each field of a request has, so that a wrong one is refused by name before anybody reads it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError


class RequestShape:
    """The types of a request's fields; those it does not name may be anything.

    They are given as a ``TypedDict``: that of typing_extensions, which pydantic wants before Python 3.12.
    """

    def __init__(self, fields: Any) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(fields)

    def misfit(self, body: object) -> str:
        """Return the first field with another type, as in ``messages[0].role``; "" when there is none."""
        try:
            self._adapter.validate_python(body, strict=True)
        except ValidationError as exc:
            return _path(exc.errors()[0]["loc"], body)
        return ""


def _path(steps: tuple[int | str, ...], body: Any) -> str:
    """Write a place, as far as it is in the body: behind it stand the kinds that were tried."""
    found = ""
    for step in steps:
        if isinstance(step, int) and isinstance(body, list) and step < len(body):
            found += f"[{step}]"
        elif isinstance(step, str) and isinstance(body, dict) and step in body:
            found += f".{step}" if found else step
        else:
            break
        body = body[step]
    return found

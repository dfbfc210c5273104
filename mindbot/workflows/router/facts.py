"""A message as rules look at it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from mindbot.domain.routing import RouteQuestion

#: Conditions that compare for equality: rules are found by them.
KEYS = ("user", "group", "department", "bot", "platform", "kind")


class Facts:
    """What conditions ask of a message; each is made when the first condition asks for it."""

    def __init__(self, asked: RouteQuestion) -> None:
        self.asked = asked

    @cached_property
    def who(self) -> str:
        """Whose share of the users it counts to: the sender's, or the session's where nobody is named."""
        return f"{self.asked.platform}/{self.asked.user or self.asked.session}"

    @cached_property
    def encoded(self) -> bytes:
        """The text as regular expressions read it."""
        return self.asked.text.encode("utf-8", "replace")

    @cached_property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """The values of `KEYS`."""
        asked = self.asked
        return {
            "user": (asked.user,),
            "group": (asked.group,),
            "department": asked.departments,
            "bot": (asked.bot,),
            "platform": (asked.platform,),
            "kind": tuple(dict.fromkeys((asked.kind, *asked.kinds))),
        }

    @cached_property
    def record(self) -> Mapping[str, object]:
        """The flat record that the filter language sees; see `mindbot.filters.fields.ROUTE_FIELDS`."""
        asked = self.asked
        return {
            "platform": asked.platform,
            "bot": asked.bot,
            "session": asked.session,
            "user": asked.user,
            "user_name": asked.user_name or None,
            "department": list(asked.departments) or None,
            "chat": asked.group or None,
            "kind": asked.kind,
            "text": asked.text,
            "quote": asked.quote or None,
            "received": asked.ts,
            "vars": asked.vars,
        }

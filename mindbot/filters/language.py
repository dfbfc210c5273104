"""The filter language: one small grammar for view filters, breakpoints, routes, alert conditions and queries.

platform == "dingtalk" and text =~ "refund|退款" and took > 5s
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.filters.compiler import predicate
from mindbot.filters.explain import Explanation, explain
from mindbot.filters.fields import TURN_FIELDS, FieldSet
from mindbot.filters.grammar import Parser
from mindbot.filters.nodes import Node


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. ``str`` writes it in its plain form; equal filters have equal trees."""

    node: Node
    fields: FieldSet = field(compare=False, repr=False)

    def __str__(self) -> str:
        return str(self.node)

    def compile(self) -> Callable[[object], bool]:
        """Return a predicate of a record: a mapping, or an object with attributes of the fields' names.

        It never raises: a comparison with a field that is missing or None is false, also ``!=``, ``!~`` and
        ``not in``; only ``not`` turns it round.
        """
        return predicate(self.node)

    def explain(self, record: object = None) -> Explanation:
        """Return the filter in words and as a tree; with a record, the tree says how each part judges it."""
        return explain(self.node, self.fields, record)


def parse(text: str, fields: FieldSet = TURN_FIELDS) -> Filter:
    """Return the filter that a text means; an empty one matches everything.

    Raises:
        FilterError: with the column and the mend; nothing else, whatever the text.
    """
    return Filter(Parser(text, fields).filter(), fields)

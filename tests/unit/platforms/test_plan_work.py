"""Planning a reply costs work in proportion to its length, whatever a model was talked into writing.

It is done on the event loop: what took the square of a text's length would hold up every other session.
"""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
import regex

from mindbot.domain.message import Part
from mindbot.platforms import markdown, split
from mindbot.platforms.dingtalk import markdown as dingtalk_markdown
from mindbot.platforms.dingtalk import say as dingtalk
from mindbot.platforms.wecom import say as wecom
from mindbot.platforms.wecombot import say as wecombot
from mindbot.platforms.wecomcs import say as wecomcs

_HOSTILE = {
    "fences": "```\nx\n```\n",
    "bare fences": "```\n",
    "tildes": "~~~\nx\n",
    "one long fence": "`",
    "fences with words": "```a`\n",
    "fences in a list": "- ```\n  x\n  ```\n",
    "fences in a quote": "> ```\n> x\n> ```\n",
    "fences far inside": "        ```\n",
    "tables": "|a|b|\n|-|-|\n",
    "pipes": "|",
    "lines of pipes": "|\n",
    "rulers": "|-",
    "quotes": "> ",
    "lines of quotes": ">>>>>>>>\n",
    "lists": "- ",
    "numbers": "1. ",
    "blanks": " ",
    "line ends": "\n",
    "brackets": "[",
    "links": "[a](b)",
    "halves of links": "[a](",
    "pictures": "![",
    "one long word": "x",
    "one long Chinese word": "你",
    "full stops": "。”",
    "marks that combine": "\u0301",
    "families": "👨‍👩‍👧",
    "flags": "🇩",
    "quotation marks": '"\n',
    "controls": "\x01",
    "backslashes": "\\",
    "carriage returns": "a\r\n",
}
_HEADS = {
    "a fence that is never closed": ("```py\n", "x = 1\n"),
    "a fence far inside of a list": ("- " * 60 + "```\n", "        y\n"),
    "a fence that opens with a long line": ("```" + "x" * 4000 + "\n", "y\n"),
    "a quoted fence": ("> - ```\n", "> > > z\n"),
    "a table of many rows": ("|a|b|\n|-|-|\n", "|1|2|\n"),
    "a table of many columns": ("|a" * 400 + "|\n" + "|-" * 400 + "|\n", "|1|2|\n"),
}
_TEXTS = {name: ("", unit) for name, unit in _HOSTILE.items()} | _HEADS
_PLANS: dict[str, Callable[[Part], object]] = {
    "dingtalk": lambda part: dingtalk.plan([part], markdown=True, most=1000),
    "wecom": lambda part: wecom.plan([part], 1000),
    "wecombot": lambda part: wecombot.plan_messages([part], 1000),
    "wecombot, streamed": lambda part: wecombot.plan_stream([part]),
    "wecomcs": lambda part: wecomcs.plan([part], 1000),
    "a card of dingtalk": lambda part: dingtalk_markdown.broken(part.text),
    "a growing answer": lambda part: (markdown.first(part.text, 2048), split.head(part.text, 2048)),
}
_LONG = 16_000  # characters: more than one message of any platform
_MOST = 30  # calls for a character, where each is a line of two


def _work(plan: Callable[[Part], object], part: Part) -> int:
    """Return how many functions were called, those of C included."""
    calls = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        plan(part)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.full
@pytest.mark.parametrize("platform", _PLANS)
def test_the_work_of_a_plan_grows_with_its_text_and_not_faster(platform: str) -> None:
    told = {}
    for name, (head, unit) in _TEXTS.items():
        text = (head + unit * (_LONG // len(unit)))[:_LONG]
        if (work := _work(_PLANS[platform], Part("markdown", text))) > _MOST * len(text):
            told[name] = work
    assert not told


@pytest.mark.parametrize("boundary", split._BOUNDARIES, ids=lambda boundary: repr(boundary.pattern))
def test_what_is_looked_for_from_behind_reads_no_run_twice(boundary: regex.Pattern[str]) -> None:
    """Of a run that is no boundary, its end alone is a place to begin at; all of it is taken at once."""
    for run in (" ", "\t", "”", "』"):
        assert next(boundary.finditer("x" + run * 200_000 + "x"), None) is None or boundary.pattern == r"\s"

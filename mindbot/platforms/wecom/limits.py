"""What the objects of ``message/send`` may hold: checked before WeCom refuses them, or cuts them silently.

Sources: WeCom developer centre, "Send application message" (path/90236), "Update template card" (path/94888).
Fields that are not listed here pass unseen: WeCom adds new ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mindbot.domain.errors import Rejected
from mindbot.domain.message import Json

MAX_TEXT = 2048  # bytes of UTF-8 in one text or markdown message; WeCom cuts longer text without a word
MAX_ARTICLES = 8
MAX_BUTTONS = 6
MAX_CHOICES = 20
_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")

#: Takes a value and where it stands; raises Rejected.
Rule = Callable[[Any, str], None]

INTERACTIVE = ("button_interaction", "vote_interaction", "multiple_interaction")


def check(msgtype: str, content: Any) -> None:
    """Check the object of a message type; types without rules pass.

    Raises:
        Rejected: names the first field that is wrong, and its limit.
    """
    if rule := _OBJECTS.get(msgtype):
        rule(content, msgtype)


def check_card(card: Any) -> None:
    """Check a template card of any of the five types; raises Rejected."""
    _card(card, "template_card")


def needs_callback(card: Json) -> bool:
    """Tell whether a card can be pressed, and so be changed afterwards."""
    return card.get("card_type") in INTERACTIVE or bool(card.get("action_menu"))


def _refuse(where: str, what: str) -> Rejected:
    return Rejected(f"{where} {what}", hint="see the limits of WeCom in the documentation of this platform")


def _text(*, most: int = 0, chars: tuple[int, int] = (0, 0), may_be_empty: bool = False) -> Rule:
    """A text of at most ``most`` bytes of UTF-8, and of so many characters."""

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, str):
            raise _refuse(where, "must be a text")
        if not value and not may_be_empty:
            raise _refuse(where, "must not be empty")
        if most and (size := len(value.encode("utf-8", "replace"))) > most:
            raise _refuse(where, f"has {size:,} bytes, the limit is {most:,}")
        low, high = chars
        if high and not low <= len(value) <= high:
            span = f"{low} to {high}" if low else f"at most {high}"
            raise _refuse(where, f"has {len(value)} characters, {span} are allowed")

    return rule


def _url(most: int = 2048) -> Rule:
    size = _text(most=most)

    def rule(value: Any, where: str) -> None:
        size(value, where)
        if "://" not in value:
            raise _refuse(where, "must be an address with http:// or https://")

    return rule


def _one_of(*values: Any) -> Rule:
    def rule(value: Any, where: str) -> None:
        if isinstance(value, bool) or value not in values:
            raise _refuse(where, f"must be one of {', '.join(map(str, values))}")

    return rule


def _number(low: float, high: float) -> Rule:
    def rule(value: Any, where: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _refuse(where, f"must be a number from {low:g} to {high:g}")

    return rule


def _task_id(value: Any, where: str) -> None:
    if not isinstance(value, str) or not _TASK_ID.fullmatch(value):
        raise _refuse(where, "must be 1 to 128 letters, digits, _, - or @")


def _object(needed: Mapping[str, Rule] = MappingProxyType({}), /, **others: Rule) -> Rule:
    """An object with fields that must be there, and others that may be."""

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _refuse(where, "must be an object")
        for name, inner in needed.items():
            if value.get(name) in (None, ""):
                raise _refuse(f"{where}.{name}", "is missing")
            inner(value[name], f"{where}.{name}")
        _optional(value, where, others)

    return rule


def _optional(value: Json, where: str, rules: Mapping[str, Rule]) -> None:
    """Check the fields that are there."""
    for name, inner in rules.items():
        if value.get(name) is not None:
            inner(value[name], f"{where}.{name}")


def _list(low: int, high: int, inner: Rule, *, unique: str = "") -> Rule:
    """A list of so many; ``unique`` names a field in which no two may be equal."""

    def rule(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise _refuse(where, "must be a list")
        if not low <= len(value) <= high:
            span = f"{low} to {high}" if low else f"at most {high}"
            raise _refuse(where, f"has {len(value)} entries, {span} are allowed")
        seen: set[str] = set()
        for n, each in enumerate(value):
            inner(each, f"{where}[{n}]")
            if unique and isinstance(key := each.get(unique), str):
                if key in seen:
                    raise _refuse(f"{where}[{n}].{unique}", f"is there twice: {key!r}")
                seen.add(key)

    return rule


def _by_type(field: str, needs: dict[int, dict[str, Rule]], *, default: int = 0, **others: Rule) -> Rule:
    """An object whose ``field`` says which other fields it needs."""
    kinds = _one_of(*needs)

    def rule(value: Any, where: str) -> None:
        _object(**others)(value, where)
        kind = value.get(field, default)
        kinds(kind, f"{where}.{field}")
        _object(needs[kind])(value, where)

    return rule


_any = _text(may_be_empty=True)
_link = _url()
_key = _text(most=1024)
_id = _text(most=128)
_jump: dict[int, dict[str, Rule]] = {0: {}, 1: {"url": _link}, 2: {"appid": _any}}
_option = _object({"id": _id, "text": _any})
_submit = _object({"text": _any, "key": _key})


def _options(most: int) -> Rule:
    return _list(1, most, _option, unique="id")


_COMMON: dict[str, Rule] = {
    "task_id": _task_id,
    "source": _object(icon_url=_any, desc=_any, desc_color=_one_of(0, 1, 2, 3)),
    "action_menu": _object(
        {"action_list": _list(1, 3, _object({"text": _any, "key": _key}), unique="key")}, desc=_any
    ),
    "main_title": _object(title=_any, desc=_any),
    "quote_area": _by_type("type", _jump, title=_any, quote_text=_any),
    "sub_title_text": _any,
    "horizontal_content_list": _list(
        0,
        6,
        _by_type(
            "type",
            {0: {}, 1: {"url": _link}, 2: {"media_id": _any}, 3: {"userid": _any}},
            keyname=_any,
            value=_any,
        ),
    ),
    "jump_list": _list(0, 3, _by_type("type", _jump, title=_any)),
    "emphasis_content": _object(title=_any, desc=_any),
    "card_image": _object({"url": _link}, aspect_ratio=_number(1.3, 2.25)),
    "image_text_area": _by_type("type", _jump, title=_any, desc=_any, image_url=_any),
    "vertical_content_list": _list(0, 4, _object({"title": _any}, desc=_any)),
    "replace_text": _any,
}
_action = _by_type("type", {1: _jump[1], 2: _jump[2]}, default=1)
_button = _by_type("type", {0: {"key": _key}, 1: {"url": _link}}, text=_text(), style=_one_of(1, 2, 3, 4))

_CARDS: dict[str, Rule] = {
    "text_notice": _object({"card_action": _action}),
    "news_notice": _object({"main_title": _object({"title": _any}), "card_action": _action}),
    "button_interaction": _object(
        {"task_id": _task_id, "button_list": _list(1, MAX_BUTTONS, _button, unique="key")},
        button_selection=_object({"question_key": _key, "option_list": _options(10)}, title=_any),
    ),
    "vote_interaction": _object(
        {
            "task_id": _task_id,
            "checkbox": _object(
                {"question_key": _key, "option_list": _options(MAX_CHOICES)}, mode=_one_of(0, 1)
            ),
            "submit_button": _submit,
        }
    ),
    "multiple_interaction": _object(
        {
            "task_id": _task_id,
            "select_list": _list(
                1,
                3,
                _object({"question_key": _key, "option_list": _options(10)}, title=_any),
                unique="question_key",
            ),
            "submit_button": _submit,
        }
    ),
}


def _card(value: Any, where: str) -> None:
    _object({"card_type": _one_of(*_CARDS)})(value, where)
    _optional(value, where, _COMMON)
    kind = value["card_type"]
    _CARDS[kind](value, where)
    if value.get("action_menu") and not value.get("task_id"):
        raise _refuse(f"{where}.task_id", "is missing; a card with action_menu needs one")
    if kind == "text_notice" and not (
        (value.get("main_title") or {}).get("title") or value.get("sub_title_text")
    ):
        raise _refuse(f"{where}.main_title.title", "is missing; it or sub_title_text is needed")
    if kind == "news_notice" and not (value.get("card_image") or value.get("image_text_area")):
        raise _refuse(f"{where}.card_image", "is missing; it or image_text_area is needed")


_media = _object({"media_id": _any})
_title, _description = _text(most=128), _text(most=512, may_be_empty=True)
_content = _object({"content": _text(most=MAX_TEXT)})
_article = _object({"title": _title}, description=_description, url=_link, picurl=_any)
_page = _object(
    {"title": _title, "thumb_media_id": _any, "content": _text(most=666 * 1024)},
    author=_text(most=64, may_be_empty=True),
    digest=_description,
)
_item = _object({"key": _text(chars=(1, 10)), "value": _text(chars=(1, 30))})

_OBJECTS: dict[str, Rule] = {
    "text": _content,
    "markdown": _content,
    "image": _media,
    "voice": _media,
    "file": _media,
    "video": _object({"media_id": _any}, title=_title, description=_description),
    "textcard": _object(
        {"title": _title, "description": _description, "url": _link}, btntxt=_text(chars=(0, 4))
    ),
    "news": _object({"articles": _list(1, MAX_ARTICLES, _article)}),
    "mpnews": _object({"articles": _list(1, MAX_ARTICLES, _page)}),
    "miniprogram_notice": _object(
        {"appid": _any, "title": _text(chars=(4, 12))},
        description=_text(chars=(4, 12)),
        content_item=_list(0, 10, _item),
    ),
    "template_card": _card,
}

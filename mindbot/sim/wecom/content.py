"""What message/send accepts, and what a phone shows of it.

Sources: "Send application messages" (document/path/90236), "Global error codes" (90313). Written for the
simulator alone: the adapter has rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.wecom.tokens import ApiError

TEXT_BYTES = 2048
INTERACTIVE = ("button_interaction", "vote_interaction", "multiple_interaction")
_CARD_TYPES = ("text_notice", "news_notice", *INTERACTIVE)
_MEDIA = ("image", "voice", "video", "file")
_MSGTYPES = frozenset(
    {"text", "markdown", "markdown_v2", *_MEDIA, "textcard", "news", "mpnews"}
    | {"miniprogram_notice", "taskcard", "template_card"}
)
_TASK = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-@")


def cut(text: str, limit: int = TEXT_BYTES) -> str:
    """Return what a phone shows of a text: at most ``limit`` bytes, whole characters."""
    data = text.encode()
    return text if len(data) <= limit else data[:limit].decode(errors="ignore")


def read(body: Json, has_media: Callable[[str, str], bool]) -> tuple[str, Json, str]:
    """Return the message type, its object and its readable text.

    ``has_media`` says whether there is a media id for a type. Raises ApiError as the platform refuses.
    """
    if "agentid" not in body:
        raise ApiError(41011)
    if not str(body["agentid"]).isdigit():
        raise ApiError(40056)
    msgtype = body.get("msgtype")
    if msgtype not in _MSGTYPES:
        raise ApiError(40008)
    content = body.get(msgtype)
    if not isinstance(content, dict) or not content:
        raise ApiError(40063)
    if msgtype == "text":
        return msgtype, content, cut(_need(content, "content", 44004))
    if msgtype.startswith("markdown"):
        return msgtype, content, _short(_need(content, "content", 44004), TEXT_BYTES)
    if msgtype in _MEDIA:
        if not has_media(msgtype, str(content.get("media_id") or "")):
            raise ApiError(40007)
        _short(content.get("title", ""), 128)
        return msgtype, content, _short(content.get("description", ""), 512)
    if msgtype == "textcard":
        return msgtype, content, _textcard(content)
    if msgtype in ("news", "mpnews"):
        return msgtype, content, _articles(msgtype, content, has_media)
    if msgtype == "miniprogram_notice":
        return msgtype, content, _miniprogram(body, content)
    if msgtype == "template_card":
        check_card(content)
        return msgtype, content, card_text(content)
    return msgtype, content, str(content.get("title", ""))


def _need(content: Json, name: str, code: int = 40063) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(code)
    return value


def _short(value: Any, most: int, code: int = 45002) -> str:
    if not isinstance(value, str):
        raise ApiError(40035)
    if len(value.encode()) > most:
        raise ApiError(code)
    return value


def _url(value: Any) -> str:
    text = _short(value, 2048, 45034)
    if not text.startswith(("http://", "https://")):
        raise ApiError(40035)
    return text


def _textcard(content: Json) -> str:
    title = _short(_need(content, "title"), 128)
    description = _short(_need(content, "description"), 512)
    return f"{title}\n{description}\n{_url(_need(content, 'url'))}"


def _articles(msgtype: str, content: Json, has_media: Callable[[str, str], bool]) -> str:
    articles = content.get("articles")
    if not isinstance(articles, list) or not articles:
        raise ApiError(40063)
    if len(articles) > 8:
        raise ApiError(45008)
    lines = []
    for each in articles:
        lines.append(_short(_need(each, "title"), 128))
        if msgtype == "mpnews":
            _short(_need(each, "content"), 666 * 1024)
            _short(each.get("digest", ""), 512)
            if not has_media("image", str(each.get("thumb_media_id") or "")):
                raise ApiError(40007)
            continue
        lines.append(_short(each.get("description", ""), 512))
        if each.get("url"):
            lines.append(_url(each["url"]))
        elif not (each.get("appid") and each.get("pagepath")):
            raise ApiError(40063)
        _short(each.get("picurl", ""), 2048, 45032)
    return "\n".join(line for line in lines if line)


def _miniprogram(body: Json, content: Json) -> str:
    if body.get("touser") == "@all" or len(content.get("content_item") or ()) > 10:
        raise ApiError(40058)
    title = _need(content, "title")
    if not 4 <= len(title) <= 12:
        raise ApiError(40058)
    return title


# -- template cards --------------------------------------------------------------------------------------


def check_card(card: Json) -> None:
    """Refuse what is no template card; raises ApiError."""
    kind = card.get("card_type")
    if kind not in _CARD_TYPES:
        raise ApiError(40058, "card_type: ")
    task = card.get("task_id") or ""
    if not isinstance(task, str) or len(task) > 128 or set(task) - _TASK:
        raise ApiError(40058, "task_id: ")
    if not task and (kind in INTERACTIVE or card.get("action_menu")):
        raise ApiError(40058, "task_id is missing: ")
    for name, most in (("horizontal_content_list", 6), ("jump_list", 3), ("vertical_content_list", 4)):
        if len(_list(card, name)) > most:
            raise ApiError(40058, f"{name}: ")
    for jump in _list(card, "jump_list"):
        if jump.get("type") == 1:
            _url(jump.get("url", ""))
    if menu := card.get("action_menu"):
        _keys(menu, "action_list", "key", 1, 3)
    if kind in ("text_notice", "news_notice"):
        _check_notice(kind, card)
    elif kind == "button_interaction":
        for button in _keys(card, "button_list", "key", 1, 6):
            _need(button, "text", 40058)
            _need(button, "url" if button.get("type") == 1 else "key", 40058)
        if box := card.get("button_selection"):
            _keys(box, "option_list", "id", 1, 10)
    else:
        boxes = [card.get("checkbox")] if kind == "vote_interaction" else _list(card, "select_list")
        if not 1 <= len(boxes) <= 3:
            raise ApiError(40058, "select_list: ")
        for box in boxes:
            _need(box or {}, "question_key", 40058)
            _keys(box or {}, "option_list", "id", 1, 20 if kind == "vote_interaction" else 10)
        submit = card.get("submit_button") or {}
        _need(submit, "text", 40058)
        _need(submit, "key", 40058)


def _check_notice(kind: str, card: Json) -> None:
    action = card.get("card_action") or {}
    if action.get("type") == 1:
        _url(action.get("url", ""))
    elif action.get("type") != 2 or not action.get("appid"):
        raise ApiError(40058, "card_action: ")
    titled = (card.get("main_title") or {}).get("title")
    if kind == "text_notice" and not (titled or card.get("sub_title_text")):
        raise ApiError(40058, "main_title: ")
    if kind == "news_notice" and not (titled and (card.get("card_image") or card.get("image_text_area"))):
        raise ApiError(40058, "card_image: ")


def _list(card: Json, name: str) -> list[Json]:
    found = card.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ApiError(40058, f"{name}: ")
    return found


def _keys(card: Json, name: str, key: str, low: int, high: int) -> list[Json]:
    """Return a list of so many entries with different keys."""
    found = _list(card, name)
    if not low <= len(found) <= high:
        raise ApiError(40058, f"{name}: ")
    keys = [each.get(key) for each in found if each.get(key) is not None]
    if len(set(keys)) < len(keys):
        raise ApiError(42019)
    if any(len(str(each).encode()) > 1024 for each in keys):
        raise ApiError(40058, f"{name}.{key}: ")
    return found


def card_text(card: Json) -> str:
    """Return what is to be read on a card: titles, text, then what can be pressed in brackets."""
    main = card.get("main_title") or {}
    lines = [main.get("title"), main.get("desc"), card.get("sub_title_text"), card.get("replace_text")]
    for box in (card.get("checkbox"), card.get("button_selection"), *_list(card, "select_list")):
        lines += [f"( ) {option.get('text')}" for option in (box or {}).get("option_list") or ()]
    buttons = [*_list(card, "button_list"), *([card["submit_button"]] if card.get("submit_button") else [])]
    lines += [f"[{button.get('text')}]" for button in buttons]
    lines += [f"[{jump.get('title')} {jump.get('url', '')}]" for jump in _list(card, "jump_list")]
    return "\n".join(line for line in lines if line)

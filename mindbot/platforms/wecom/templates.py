"""Template cards (模板卡片) from parts: what MindBot's cards with buttons become. Pure.

Source: WeCom developer centre, "Send application message" (path/90236), template cards.

A card part says ``title``, ``text`` and ``data["buttons"]``: ``text``, and ``id``, ``url``, ``value`` (what
a press says; by default the text), ``style`` (1 to 4). Or it brings a whole card of WeCom's own in
``data["template_card"]``.
"""

from __future__ import annotations

from typing import Any

from mindbot.domain.message import Json, Part
from mindbot.platforms.wecom import limits

_JUMPS = 3  # links that a text_notice shows
_QUESTION = "choice"
_SUBMIT = {"text": "确定 (OK)", "key": "submit"}


def of_part(part: Part, task: str) -> Json | None:
    """Return the card of a part; None when there is nothing to press on it, or more than fits on a card."""
    if isinstance(card := part.data.get("template_card"), dict):
        return with_task(card, task)
    buttons = choices(part)
    urls = [str(b["url"]) for b in buttons if b.get("url")]
    if not buttons:
        return None
    head = _head(part)
    if len(urls) == len(buttons) <= _JUMPS:
        jumps = [{"type": 1, "title": _label(b, n), "url": b["url"]} for n, b in enumerate(buttons)]
        return {
            "card_type": "text_notice",
            **head,
            "jump_list": jumps,
            "card_action": {"type": 1, "url": urls[0]},
        }
    if len(buttons) <= limits.MAX_BUTTONS:
        made = [_button(b, n) for n, b in enumerate(buttons)]
        return {"card_type": "button_interaction", "task_id": task, **head, "button_list": made}
    if not urls and len(buttons) <= limits.MAX_CHOICES:
        options = [{"id": key_of(b, n), "text": _label(b, n)} for n, b in enumerate(buttons)]
        box = {"question_key": _QUESTION, "option_list": options, "mode": 0}
        vote: Json = {"card_type": "vote_interaction", "task_id": task, **head, "checkbox": box}
        return vote | {"submit_button": dict(_SUBMIT)}
    return None


def with_task(card: Json, task: str) -> Json:
    """Return a card with a task id, where it needs one and has none."""
    return {**card, "task_id": task} if limits.needs_callback(card) and not card.get("task_id") else card


def _head(part: Part) -> Json:
    """Return title and text; a card without a title shows its text as one."""
    title, text = str(part.data.get("title") or ""), part.text.strip()
    if not title:
        title, _, text = text.partition("\n")
    found: Json = {"main_title": {"title": title or "…"}}
    return found | ({"sub_title_text": text.strip()} if text.strip() and text != title else {})


def _button(button: Json, n: int) -> Json:
    made: Json = {"text": _label(button, n), "style": button.get("style", 1)}
    if button.get("url"):
        return made | {"type": 1, "url": button["url"]}
    return made | {"type": 0, "key": key_of(button, n)}


def _label(button: Json, n: int) -> str:
    return str(button.get("text") or n + 1)


def key_of(button: Json, n: int) -> str:
    """Return a button's id; buttons without one are numbered from 0."""
    return str(button.get("id", n))


def choices(part: Part) -> list[Json]:
    """Return a part's own buttons."""
    buttons = part.data.get("buttons")
    return [b for b in buttons if isinstance(b, dict)] if isinstance(buttons, list | tuple) else []


def pressed(part: Part, key: str, selected: dict[str, list[str]]) -> tuple[str, str]:
    """Return what a press says as a message, and what the card shows of it."""
    for n, button in enumerate(choices(part)):
        if key_of(button, n) == (selected.get(_QUESTION) or [key])[0]:
            return str(button.get("value") or _label(button, n)), _label(button, n)
    labels = _labels(part.data.get("template_card") or {})
    chosen = [labels.get((q, id), id) for q, ids in selected.items() for id in ids]
    button_text = labels.get(("", key), key)
    return ", ".join(chosen) or button_text, ", ".join(chosen) or button_text


def _labels(card: Any) -> dict[tuple[str, str], str]:
    """Return the texts of a card's options and buttons, by question (empty for buttons) and id."""
    found: dict[tuple[str, str], str] = {}
    if not isinstance(card, dict):
        return found
    boxes = [card.get("checkbox"), card.get("button_selection"), *(card.get("select_list") or ())]
    for box in boxes:
        for option in (box or {}).get("option_list") or ():
            found[str(box["question_key"]), str(option["id"])] = str(option["text"])
    menu = (card.get("action_menu") or {}).get("action_list") or ()
    for button in (*(card.get("button_list") or ()), card.get("submit_button") or {}, *menu):
        if button.get("key"):
            found["", str(button["key"])] = str(button.get("text") or button["key"])
    return found

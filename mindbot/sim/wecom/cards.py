"""Template cards on the phones: pressed once, greyed, replaced.

Source: "Update template card" (document/path/94888), "Event formats" (90240): a response code is good for 72
hours and one update; sending a card that can be pressed gives one, and so does every press.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mindbot.domain.errors import Conflict, Invalid, NotFound
from mindbot.domain.message import Json
from mindbot.sim.phones import Phones
from mindbot.sim.wecom.content import INTERACTIVE, card_text, check_card
from mindbot.sim.wecom.tokens import ApiError

_CODE_LIFE = 72 * 3600.0  # seconds


@dataclass(slots=True)
class Card:
    """One card. ``shown`` is what each user sees instead of the first version; ``grey`` the text on the
    buttons of those who cannot press any more."""

    msgid: str
    task: str
    card: Json
    users: list[str]
    shown: dict[str, Json] = field(default_factory=dict)
    grey: dict[str, str] = field(default_factory=dict)
    presses: list[Json] = field(default_factory=list)

    def seen_by(self, user: str) -> Json:
        """Return the card as a user sees it."""
        return self.shown.get(user, self.card)

    def to_json(self, user: str) -> Json:
        """Return the card as it is on a user's screen, with its state."""
        state = "pressable" if self.can_press(user) else "grey" if user in self.grey else "plain"
        if user in self.shown:
            state = "replaced" if state == "plain" else state
        return {
            **self.seen_by(user),
            "_state": state,
            "_msgid": self.msgid,
            **({"_button": self.grey[user]} if user in self.grey else {}),
        }

    def can_press(self, user: str) -> bool:
        return self.seen_by(user).get("card_type") in INTERACTIVE and user not in self.grey

    def text(self, user: str) -> str:
        text = card_text(self.seen_by(user))
        return f"{text}\n<{self.grey[user]}>" if user in self.grey else text


class Cards:
    """All cards of one application."""

    def __init__(self, phones: Phones, clock: Callable[[], float]) -> None:
        self._phones = phones
        self._clock = clock
        self._cards: list[Card] = []
        self._tasks: set[str] = set()
        self._codes: dict[str, tuple[Card, float]] = {}

    def check(self, card: Json) -> None:
        """Refuse a task id that was used before; raises ApiError."""
        if card.get("task_id") in self._tasks:
            raise ApiError(42014)

    def sent(self, msgid: str, card: Json, users: list[str]) -> str:
        """Take a card that was shown to users; returns its response code, empty if it has none."""
        task = str(card.get("task_id") or "")
        made = Card(msgid, task, card, users)
        self._cards.append(made)
        for user in users:
            self._phones.change(user, msgid, made.text(user), made.to_json(user))
        if task:
            self._tasks.add(task)
        return self._code(made) if card.get("card_type") in INTERACTIVE or card.get("action_menu") else ""

    def _code(self, card: Card) -> str:
        code = secrets.token_urlsafe(24)
        self._codes[code] = (card, self._clock() + _CODE_LIFE)
        return code

    def update(self, body: Json) -> Json:
        """Carry out update_template_card; raises ApiError."""
        code = str(body.get("response_code") or "")
        if not code:
            raise ApiError(40063)
        card, until = self._codes.pop(code, (None, 0.0))
        if card is None or until <= self._clock():
            raise ApiError(42022)
        asked = [str(user).lower() for user in body.get("userids") or ()]
        users = card.users if body.get("atall") == 1 else [user for user in asked if user in card.users]
        if not (asked or body.get("atall") or body.get("partyids") or body.get("tagids")):
            raise ApiError(82001)
        if isinstance(new := body.get("template_card"), dict):
            check_card(new)
            self.check(new)
            for user in users:
                card.shown[user] = new
                card.grey.pop(user, None)
            if new.get("task_id"):
                card.task = str(new["task_id"])
                self._tasks.add(card.task)
        elif isinstance(button := body.get("button"), dict) and button.get("replace_name"):
            if card.card.get("card_type") not in INTERACTIVE:
                raise ApiError(40058)
            for user in users:
                card.grey[user] = str(button["replace_name"])
        else:
            raise ApiError(40063)
        for user in users:
            self._phones.change(user, card.msgid, card.text(user), card.to_json(user), tell=True)
        return {"invaliduser": [user for user in asked if user not in card.users]}

    # -- what users do -----------------------------------------------------------------------------------

    def of(self, user: str) -> list[Card]:
        """Return a user's cards, oldest first."""
        return [card for card in self._cards if user.lower() in card.users]

    def press(
        self,
        user: str,
        key: str = "",
        *,
        task: str = "",
        selected: dict[str, list[str]] | None = None,
        menu: bool = False,
    ) -> dict[str, Any]:
        """Press a button of a user's latest card, or of the one with a task id; returns the event's fields.

        Without a key it is the button that submits a choice. A grey button cannot be pressed.

        Raises:
            NotFound: no such card, button or option.
            Conflict: the card cannot be pressed any more.
            Invalid: nothing is chosen.
        """
        user = user.lower()
        cards = [card for card in self.of(user) if task in ("", card.task)]
        if not cards:
            raise NotFound(f"{user} has no such card")
        card = cards[-1]
        seen = card.seen_by(user)
        if menu:
            keys = [each["key"] for each in (seen.get("action_menu") or {}).get("action_list") or ()]
        elif not card.can_press(user):
            raise Conflict(f"the card cannot be pressed: {card.to_json(user)['_state']}")
        else:
            keys = [each["key"] for each in seen.get("button_list") or () if each.get("type", 0) == 0]
            keys += [seen["submit_button"]["key"]] if seen.get("submit_button") else []
        key = key or (keys[0] if len(keys) == 1 else "")
        if key not in keys:
            raise NotFound(f"no button {key!r}, there are {keys}")
        chosen = _chosen(seen, selected or {})
        card.presses.append({"user": user, "key": key, "selected": chosen})
        fields: dict[str, Any] = {
            "Event": "template_card_menu_event" if menu else "template_card_event",
            "EventKey": key,
            "TaskId": card.task,
            "CardType": seen["card_type"],
            "ResponseCode": self._code(card),
        }
        if chosen:
            items = [{"QuestionKey": q, "OptionIds": {"OptionId": ids}} for q, ids in chosen.items()]
            fields["SelectedItems"] = {"SelectedItem": items}
        return fields

    def remove(self, msgid: str) -> None:
        """Forget a card that was recalled."""
        self._cards = [card for card in self._cards if card.msgid != msgid]

    def clear(self) -> None:
        """Forget all cards; task ids stay used."""
        self._cards.clear()


def _chosen(card: Json, selected: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what is chosen on a card; raises Invalid, NotFound."""
    boxes = [card.get("checkbox"), card.get("button_selection"), *(card.get("select_list") or ())]
    found: dict[str, list[str]] = {}
    for box in (each for each in boxes if each):
        question, options = box["question_key"], [option["id"] for option in box["option_list"]]
        ids = selected.get(question) or ([box["selected_id"]] if box.get("selected_id") else [])
        if unknown := [id for id in ids if id not in options]:
            raise NotFound(f"no option {unknown[0]!r} of {question!r}, there are {options}")
        if len(ids) > 1 and box.get("mode", 0) == 0:
            raise Invalid(f"one option of {question!r} can be chosen")
        if ids:
            found[question] = ids
    if card.get("checkbox") and not found:
        raise Invalid("nothing is chosen")
    return found

"""Cards as the platform keeps them, and as people see them.

Sources: "Interface for creating a card instance", "Create and deliver cards", "AI card streaming update"
(open.dingtalk.com/document/development).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from mindbot.domain.message import Json
from mindbot.sim.dingtalk.access import QPS, Refusal
from mindbot.sim.phones import Phones

PROCESSING, INPUTING, FINISHED, FAILED = "1", "2", "3", "5"
_STATES = {
    PROCESSING: "processing",
    INPUTING: "inputing",
    FINISHED: "finished",
    "4": "executing",
    FAILED: "failed",
}


@dataclass(slots=True)
class AiCard:
    """One card. ``updates`` are the streamed texts in order; ``places`` the screens it is on."""

    track: str
    template: str
    params: dict[str, str]
    callback: str = ""
    key: str = ""  # the variable that is streamed
    state: str = PROCESSING
    updates: list[str] = field(default_factory=list)
    guids: set[str] = field(default_factory=set)
    places: list[str] = field(default_factory=list)
    private: dict[str, dict[str, str]] = field(default_factory=dict)  # what only one user sees, by user

    @property
    def text(self) -> str:
        """What is to be read on it."""
        if self.key:
            return self.params.get(self.key, "")
        return "\n".join(
            v for k, v in self.params.items() if v and k not in ("flowStatus", "sys_full_json_obj")
        )

    @property
    def buttons(self) -> list[str]:
        """What can be pressed, by the words on it."""
        try:
            full = orjson.loads(self.params.get("sys_full_json_obj") or "{}")
        except ValueError:
            return []
        found = full.get("msgButtons") if isinstance(full, dict) else None
        return [str(each.get("text", "")) for each in found or () if isinstance(each, dict)]

    def to_json(self) -> Json:
        return {
            "outTrackId": self.track,
            "template": self.template,
            "params": self.params,
            "private": self.private,
            "buttons": self.buttons,
            "state": _STATES.get(self.state, self.state),
            "text": self.text,
            "updates": self.updates,
            "places": self.places,
        }


class AiCards:
    """All cards. ``struck`` says of a fault's kind whether it strikes now, ``member`` of a user id whether
    it is known; ``refuse_late`` refuses updates of a card that has ended, which no page tells.
    """

    def __init__(
        self,
        phones: Phones,
        max_content: int,
        struck: Callable[[str], bool],
        member: Callable[[str], bool],
        *,
        refuse_late: bool = False,
    ) -> None:
        self._phones = phones
        self._max_content = max_content
        self._struck = struck
        self._member = member
        self._refuse_late = refuse_late
        self.cards: dict[str, AiCard] = {}

    def create(self, body: Json) -> Json:
        track = _need(body, "outTrackId", "param.outTrackIdEmpty")
        template = _need(body, "cardTemplateId", "param.cardTemplateIdEmpty")
        if track in self.cards:
            raise Refusal(400, "param.cardAlreadyExist")
        params = _params(body)
        self.cards[track] = AiCard(track, template, params, str(body.get("callbackType", "")))
        self.cards[track].state = params.get("flowStatus", PROCESSING)
        return {"success": True, "result": track}

    def deliver(self, body: Json) -> Json:
        card = self._card(body, "param.cardNotExist")
        results = []
        for space in _need(body, "openSpaceId", "param.openSpaceIdEmpty").split(";"):
            kind, _, id = space.removeprefix("dtv1.card//").partition(".")
            models = {"IM_GROUP": "imGroupOpenDeliverModel", "IM_ROBOT": "imRobotOpenDeliverModel"}
            if kind not in models or not id:
                raise Refusal(400, "param.openSpaceIdInvalid")
            model = body.get(models[kind])
            if not isinstance(model, dict) or (kind == "IM_GROUP" and not model.get("robotCode")):
                raise Refusal(400, "param.openDeliverModelEmpty")
            if kind == "IM_ROBOT" and not self._member(id):
                raise Refusal(400, "param.userIdNotExist")
            ok = not self._struck("card-failed")
            if ok:
                card.places.append(id)
                self._phones.show(
                    id, msgid=card.track, msgtype="card", text=card.text, body=card.to_json(), via="card",
                    tell=card.state == FINISHED,
                )  # fmt: skip
            error = "" if ok else "the robot is not in this conversation"
            carrier = secrets.token_hex(8) if ok else ""
            results.append(
                {"spaceType": kind, "spaceId": id, "success": ok, "carrierId": carrier, "errorMsg": error}
            )
        return {"success": True, "result": results}

    def create_and_deliver(self, body: Json) -> Json:
        self.create(body)
        results = self.deliver(body)["result"]
        return {"success": True, "result": {"outTrackId": body["outTrackId"], "deliverResults": results}}

    def update(self, body: Json) -> Json:
        card = self._card(body, "param.cardNotExist")
        if not body.get("cardData") and not body.get("privateData"):
            raise Refusal(400, "param.cardDataAndPrivateDataBothEmpty")
        self.apply(card, body)
        return {"success": True, "result": True}

    def apply(self, card: AiCard, body: Json, user: str = "") -> None:
        """Change a card's variables, by key or all of them; ``user`` is whose press it answers."""
        private = (body.get("userPrivateData") or {}).get("cardParamMap")
        if user and isinstance(private, dict):
            card.private[user] = card.private.get(user, {}) | private
        for who, data in (body.get("privateData") or {}).items():
            card.private[who] = card.private.get(who, {}) | _params({"cardData": data})
        if not body.get("cardData"):
            return
        params = _params(body)
        by_key = (body.get("cardUpdateOptions") or {}).get("updateCardDataByKey")
        card.params = card.params | params if by_key else params
        ended = card.state == FINISHED
        card.state = params.get("flowStatus", card.state)
        self._draw(card, tell=card.state == FINISHED and not ended)

    def stream(self, body: Json) -> Json:
        card = self._card(body, "param.stream.outTrackId")
        guid = _need(body, "guid", "param.stream.guidEmpty")
        key = _need(body, "key", "param.stream.keyEmpty")
        content = str(body.get("content") or "")
        if not content:
            raise Refusal(400, "param.stream.contentEmpty")
        if not body.get("isFull"):
            raise Refusal(400, "param.stream.isFull")
        if self._max_content and len(content.encode()) > self._max_content:
            raise Refusal(400, "param.stream.content", "content is too large")
        if body.get("isFinalize") and self._struck("throttle-final"):
            raise Refusal(403, QPS, "您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
        if guid in card.guids:
            return {"success": True, "result": True}  # the same update again
        if card.state in (FINISHED, FAILED):
            if self._refuse_late:
                raise Refusal(400, "param.stream.outTrackId", "card is finished")
            return {"success": True, "result": True}
        card.guids.add(guid)
        card.key = key
        card.params[key] = content
        card.updates.append(content)
        card.state = FAILED if body.get("isError") else FINISHED if body.get("isFinalize") else INPUTING
        self._draw(card, tell=card.state == FINISHED)
        return {"success": True, "result": True}

    def _draw(self, card: AiCard, *, tell: bool) -> None:
        for place in card.places:
            self._phones.change(place, card.track, card.text, card.to_json(), tell=tell)

    def _card(self, body: Json, code: str) -> AiCard:
        card = self.cards.get(_need(body, "outTrackId", "param.outTrackIdEmpty"))
        if card is None:
            raise Refusal(400, code, "card is not exist")
        return card


def _need(body: Json, name: str, code: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, code)
    return value


def _params(body: Json) -> dict[str, str]:
    params = (body.get("cardData") or {}).get("cardParamMap") or {}
    if not all(isinstance(value, str) for value in params.values()):
        raise Refusal(400, "param.invalid", "cardParamMap holds texts only")
    return dict(params)

"""Turns to be opened: one that runs, one that waits, one that failed, one whose answer did not arrive."""

from __future__ import annotations

from console_fakes import NOON, turn_id

from mindbot.domain.message import Json

STAGES = (
    *("deliver", "errors", "access", "limits", "people", "media", "session", "route", "classify"),
    *("compose", "run"),
)
LATE = "rate_limited: the model asked us to slow down"
GONE = "45047: out of response count limit, the user has to write again"


def stages(received: float, took: float | None, error: str = "") -> list[Json]:
    """Return the stages of a turn that took so many seconds, or still runs; an error passes through them."""
    found: list[Json] = []
    for n, name in enumerate(STAGES):
        passes = error and name not in ("deliver", "errors")
        found.append(
            {
                "id": n + 1,
                "parent": n,
                "kind": "stage",
                "name": name,
                "start": received + 0.001 * n,
                "took_ms": None if took is None else (took - 0.002 * n) * 1000,
                "status": "error" if passes else "ok",
                "data": {"error": error} if passes else {},
            }
        )
    return found


def model(received: float, took: float | None, **more: object) -> Json:
    """Return the step that asked a model, inside the last stage."""
    return {
        "id": len(STAGES) + 1,
        "parent": len(STAGES),
        "kind": "model",
        "name": "openai",
        "start": received + 0.02,
        "took_ms": None if took is None else took * 1000,
        "status": "ok",
        "data": {"provider": "openai", "model": "gpt-4o-mini"},
        **more,
    }


def failed(view: Json) -> Json:
    """Return a turn whose model refused, with a notice that was sent."""
    received = view["received"]
    took = view["took"]
    error = {"kind": "rate_limited", "message": "the model asked us to slow down", "status": 429}
    spans = [
        *stages(received, took, error["message"]),
        model(received, took - 0.1, status="error", data={"provider": "openai", "error": error}),
    ]
    notice = {"state": "sent", "text": "抱歉，我暂时无法回答，请稍后再试。", "created": received + took}
    return {**view, "spans": spans, "reason": LATE, "deliveries": [view["deliveries"][0] | notice]}


def undelivered(view: Json) -> Json:
    """Return an answered turn that the platform would not take."""
    received, took = view["received"], view["took"]
    spans = [*stages(received, took), model(received, took - 0.1)]
    lost = {"state": "dead", "error": GONE, "attempts": 5, "created": received + took, "took_ms": 31_200.0}
    lost |= {"sent_id": "", "notes": {}}
    told = {"delivery": "undelivered", "undelivered": True, "delivery_error": GONE}
    return {**view, **told, "spans": spans, "deliveries": [view["deliveries"][0] | lost]}


def running(view: Json) -> Json:
    """Return a turn that waited, looked something up, and now speaks on a card that grows."""
    received = view["received"]
    begun = received + 12.0
    spans = [
        *stages(begun, None),
        model(begun, 34.0, data={"provider": "openai", "model": "gpt-4o-mini", "finish": "tool_calls"}),
        {**model(begun, 20.0), "id": 13, "kind": "tool", "name": "order_status", "start": begun + 35.0},
        {**model(begun, None), "id": 14, "start": begun + 56.0},
    ]
    spans[12] |= {"data": {}, "status": "cancelled"}
    card = {
        "id": f"{view['id']}-0",
        "platform": view["platform"],
        "bot": "default",
        "kind": "stream",
        "state": "open",
        "text": "",
        "created": begun + 56.5,
        "took_ms": None,
        "notes": {"updates": 3},
    }
    saying = "The other parcel is on its way as well: it left Hamburg "
    open_ = {"state": "running", "reply": "", "saying": saying, "took_ms": (NOON - received) * 1000}
    return {**view, **open_, "finished": None, "spans": spans, "deliveries": [card], "reply_parts": []}


def queued(view: Json) -> Json:
    """Return a turn that waits behind another of its session."""
    behind = {"why": "session", "turn": turn_id(9), "ahead": 2}
    empty = {"spans": [], "deliveries": [], "reply_parts": [], "finished": None, "behind": behind}
    return {**view, **empty, "state": "queued"}

"""What the sample daemon says of its queue and of itself at work."""

from __future__ import annotations

from console_fakes import NOON, turn_id

from mindbot.domain.message import Json


def queued(n: int, place: str, state: str, why: str, **rest: object) -> Json:
    """Return something of the nth sample turn that is not done."""
    id = turn_id(n) if place == "inbox" else f"{turn_id(n)}-0"
    return {
        "id": id,
        "place": place,
        "state": state,
        "why": why,
        "behind": "",
        "ahead": 0,
        "at": "",
        "platform": "wecom",
        "bot": "default",
        "session": f"wecom:default:u{n}",
        "user": "",
        "text": "",
        "attempts": 1,
        "since": NOON - 300 + n * 7,
        "next_at": None,
        "error": "",
        **rest,
    }


QUEUE: Json = {
    "turns": 4,
    "deliveries": 4,
    "disk": False,
    "queued": [
        queued(11, "inbox", "running", "runs", user="alice", text="And the other parcel?", at="model openai"),
        queued(12, "inbox", "queued", "slots", user="王小明", text="谢谢！", platform="dingtalk", bot="客服"),
        queued(13, "inbox", "queued", "session", user="alice", text="Hello?", behind=turn_id(11), ahead=1),
        queued(14, "inbox", "waiting", "runs", user="bob", text="Book the room", at="tool approve"),
        queued(8, "outbox", "sending", "wire", text="Fine."),
        queued(
            9,
            "outbox",
            "pending",
            "retry",
            text="会议 15:00 开始，在三楼 A 会议室。",
            platform="dingtalk",
            bot="行政",
            attempts=3,
            next_at=NOON + 42,
            error="overloaded: 503: the gateway is busy",
        ),
        queued(
            9,
            "outbox",
            "pending",
            "session",
            id=f"{turn_id(9)}-1",
            text="还有别的问题吗？",
            platform="dingtalk",
            bot="行政",
            attempts=0,
            behind=f"{turn_id(9)}-0",
            ahead=1,
        ),
        queued(
            5,
            "outbox",
            "pending",
            "stopped",
            text="退款流程：1.",
            platform="dingtalk",
            bot="客服",
            attempts=0,
        ),
    ],
}

"""Take the documents' pictures of the console: ``python tests/console/portrait.py docs/images``.

A real daemon with a simulated WeCom, sample conversations, and the console's own screenshots.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

sys.path.insert(0, str(Path(__file__).parent))
from console_driver import Person, console

from mindbot.testing import processes
from mindbot.testing.processes import Daemon
from mindbot_tui.remote import Remote

RULES = [
    {"match": "4711", "reply": "It left our warehouse this morning and arrives on Thursday.", "delay": 0.31},
    {"match": "发货", "reply": "您好，您的订单今天下午发货，预计后天送达。", "delay": 0.42},
    {"match": "退款", "reply": "退款流程：在订单页点击“申请退款”，填写原因，等待审核。", "delay": 0.6},
    {"match": "发票", "reply": "请提供公司名称和税号，我们会在三个工作日内开具电子发票。", "delay": 0.5},
    {"match": "refund", "error": "rate_limited", "delay": 0.2},
    {"match": "address", "reply": "Yes, until it has left the warehouse. Where to?", "delay": 0.45},
    {"match": "opening", "reply": "We are open from 9 to 18, Monday to Saturday.", "delay": 0.2},
    {"match": "slow", "reply": "Here it is.", "delay": 30},
]
TALK = [
    ("alice", "wecom", "Where is my order 4711?"),
    ("wang.xm", "wecom", "我的订单什么时候发货？"),
    ("bob", "console", "hi"),
    ("li.lei", "wecom", "退款流程是怎样的？请帮我查询一下"),
    ("carol", "wecom", "I want a refund for the blue lamp"),
    ("zhang.wei", "wecom", "发票怎么开？"),
    ("dave", "console", "What are your opening hours?"),
    ("erin", "wecom", "Can I change the delivery address?"),
    ("han.mm", "wecom", "订单 4711 现在到哪里了？"),
    ("frank", "console", "a slow question, please"),
]


async def take(daemon: Daemon, folder: Path) -> None:
    async with console(Remote(daemon.socket), size=(118, 28), host="bot-1") as person:
        await person.sees("● attached")
        for user, platform, text in TALK:
            send = partial(
                daemon.cli, "send", text, "--user", user, "--platform", platform, "--no-wait", "--yes"
            )
            await to_thread.run_sync(send)
        await person.sees("Yes, until", "slow question", "rate_limited")
        await anyio.sleep(1.0)  # for the numbers of the status bar
        picture(person, folder / "console.svg", "MindBot")
        await person.press("home", "enter")
        await person.sees("✓ answered", "delivery wecom/default")
        await person.press("end", "up", "right")
        await person.sees("user: Where is my order 4711?")
        picture(person, folder / "turn.svg", "MindBot, one turn")


def picture(person: Person, path: Path, title: str) -> None:
    path.write_text(person.app.export_screenshot(title=title), encoding="utf-8")


def main(folder: Path) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, processes.simulators("wecom") as sims:
        keys = ("corpid", "secret", "token", "EncodingAESKey", "api_base_url", "agent_id")
        wecom = {key: sims["wecom"][key] for key in keys}
        config = {
            "wecom": {"host": "127.0.0.1", "port": processes.free_port(), **wecom},
            "providers": {"scripted": {"rules": RULES}},
        }
        with processes.daemon(Path(state), config) as daemon:
            anyio.run(take, daemon, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

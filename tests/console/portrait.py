"""Take the documents' pictures of the console: ``python tests/console/portrait.py docs/images``.

Real daemons between simulators, with sample conversations: one is well, one has an outage, the model of one
speaks slowly. The screenshots are the console's own.
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

from mindbot.testing import configs, processes
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


LETTER = "\n\n".join(
    f"{n}. Keep the receipt of each purchase, and note where and for whom it was. 请保留每次购物的收据。"
    for n in range(1, 900)
)  # some 94 kB
STORY = "Tell me a long story of the sea, of ships in the harbour, and of the people who wait for them. " * 3


async def say(daemon: Daemon, user: str, platform: str, text: str) -> None:
    """Write as a user would, without waiting for the answer."""
    command = ("send", text, "--user", user, "--platform", platform, "--no-wait", "--yes")
    await to_thread.run_sync(partial(daemon.cli, *command))


async def well(daemon: Daemon, sim: str, folder: Path) -> None:
    """What goes well, a long answer, and one that does not arrive."""
    async with console(Remote(daemon.socket), size=(118, 28), host="bot-1") as person:
        await person.sees("● attached")
        for user, platform, text in TALK:
            await say(daemon, user, platform, text)
        await person.sees("Yes, until", "slow question", "rate_limited")
        await anyio.sleep(1.0)  # for the numbers of the status bar
        await picture(person, folder / "console.svg", "MindBot")
        await person.press("home", "enter")
        await person.sees("✓ answered", "delivery wecom/default")
        await person.press("end", "up", "right")
        await person.sees("user: Where is my order 4711?")
        await picture(person, folder / "turn.svg", "MindBot, one turn")
        await person.press("escape")
        await say(daemon, "gina", "console", "Please send me the travel guidelines")
        await person.press("end")
        await person.sees("travel guid")
        await person.press("enter", "right", "right")
        await person.sees("1. Keep the receipt")
        await person.press("tab", "enter")
        await person.sees_no("delivery console/default")
        await picture(person, folder / "long.svg", "MindBot, an answer of 94 kB")
        await person.press("escape", "escape")
        faults = {"faults": ["81013@message/send"], "seed": 1}
        await to_thread.run_sync(partial(processes.post, f"{sim}/_sim/faults", faults, method="PUT"))
        await say(daemon, "han.mm", "wecom", "Can I change the delivery address?")
        await person.press("end")
        await person.sees("1 undelivered")
        await person.press("enter")
        await person.sees("not delivered")
        await picture(person, folder / "undelivered.svg", "MindBot, an answer that did not arrive")


async def outage(daemon: Daemon, sim: str, folder: Path) -> None:
    """A model that answers nobody, and a vendor that takes nothing."""
    calls = configs.callback("wecom", daemon.config["wecom"]["port"])
    async with console(Remote(daemon.socket), size=(118, 28), host="bot-1") as person:
        for user, _, text in TALK:
            said = {"user": user, "text": text, "url": calls}
            await to_thread.run_sync(partial(processes.post, f"{sim}/_sim/push", said))
        await person.sees("100 % failing", f"{len(TALK)} undelivered")
        await person.sees_no("▸")
        await picture(person, folder / "outage.svg", "MindBot, an outage")
        await person.press("B")
        await person.sees("people wait")
        await picture(person, folder / "failures.svg", "MindBot, failures by their cause")


async def running(daemon: Daemon, sim: str, folder: Path) -> None:
    """An answer that grows, and what its user sees of it."""
    async with console(Remote(daemon.socket), size=(170, 30), host="bot-1") as person:
        await person.sees("● attached")
        story = {"user": "lin", "text": STORY, "url": "connection"}
        await to_thread.run_sync(partial(processes.post, f"{sim}/_sim/push", story))
        await person.sees("Tell me a long story")
        await person.press("enter", "v")
        await person.sees("typing")
        await anyio.sleep(12)  # for bars that have grown
        await picture(person, folder / "running.svg", "MindBot, a turn as it runs and as its user sees it")
    await to_thread.run_sync(daemon.kill)  # a stop would wait for the answer


def made(state: str, name: str) -> Path:
    folder = Path(state, name)
    folder.mkdir()
    return folder


async def picture(person: Person, path: Path, title: str) -> None:
    person.app.clear_notifications()
    await person.pilot.pause()
    path.write_text(person.app.export_screenshot(title=title), encoding="utf-8")


def main(folder: Path) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    folder.mkdir(parents=True, exist_ok=True)
    slow = ["--tokens-per-second", "3"]
    with tempfile.TemporaryDirectory() as state, processes.simulators("wecom") as sims:
        keys = ("corpid", "secret", "token", "EncodingAESKey", "api_base_url", "agent_id")
        wecom = {key: sims["wecom"][key] for key in keys}
        wecom |= {"host": "127.0.0.1", "port": processes.free_port()}
        rules = [*RULES, {"match": "guidelines", "reply": LETTER}]
        config = {"wecom": wecom, "providers": {"scripted": {"rules": rules}}}
        with processes.daemon(made(state, "well"), config) as daemon:
            anyio.run(well, daemon, sims["wecom"]["api_base_url"], folder)
        config["providers"] = {"scripted": {"rules": [{"match": "", "error": "overloaded"}]}}
        with processes.daemon(made(state, "outage"), config) as daemon:
            anyio.run(outage, daemon, sims["wecom"]["api_base_url"], folder)
    with (
        tempfile.TemporaryDirectory() as state,
        processes.simulators("wecombot", "openai", args=slow) as sims,
        processes.daemon(Path(state), configs.wecombot(sims)) as daemon,
    ):
        anyio.run(running, daemon, sims["wecombot"]["api_base_url"], folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

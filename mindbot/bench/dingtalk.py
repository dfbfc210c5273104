"""DingTalk under stress: connections kicked under load, a thousand bots, hundreds of growing cards."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindbot.bench.measure import Figures, Result
from mindbot.testing import configs, processes

_PATIENCE = 60.0


def put(url: str, path: str, body: Any) -> Any:
    """Change something at a simulator."""
    return processes.post(f"{url}/_sim/{path}", body, method="PUT")


def kicks(seconds: float = 60.0, rate: float = 50.0, every: float = 10.0) -> Figures:
    """Send at a rate while the bot's connections end every so many seconds.

    They are aborted and told to disconnect by turns. ``longest_gap_s`` is the longest that there was none.
    """
    messages = round(seconds * rate)
    over = threading.Event()
    done = {"abort": 0, "disconnect": 0}

    def kick(url: str) -> None:
        for how in itertools.cycle(done):
            if over.wait(every):
                return
            done[how] += processes.post(f"{url}/_sim/kick", {"how": how})["kicked"]

    with (
        tempfile.TemporaryDirectory() as folder,
        processes.simulators("dingtalk", "openai") as sims,
        processes.daemon(Path(folder), configs.dingtalk(sims)) as daemon,
    ):
        url = sims["dingtalk"]["base_url"]
        put(url, "rules", {"stream": {"repush": 1.0, "attempts": 100}})
        kicker = threading.Thread(target=kick, args=(url,))
        kicker.start()
        plan = {"messages": messages, "users": 40, "rate": rate, "persistent": 60, "quiet": 20, "settle": 5}
        try:
            report = processes.post(f"{url}/_sim/traffic", plan, timeout=seconds + 120)
        finally:
            over.set()
            kicker.join()
        gap = processes.get(f"{url}/_sim/connections")["longest_gap_s"]
        cpu = processes.cpu_seconds(daemon.pid)
    return {
        "messages": report["sent"],
        "kicked": done["abort"],
        "rotated": done["disconnect"],
        "lost": report["lost"] + report["unacked"],
        "doubled": report["duplicated"],
        "longest_gap_s": round(gap, 3),
        "answer_p99_ms": report["answer_p99_ms"],
        "cpu_ms_per_message": cpu / report["sent"] * 1000,
    }


def bots(count: int = 1000) -> Figures:
    """Hold one stream connection for each of so many bots; memory beside that of one."""

    def memory(bots: int, folder: Path, sims: Mapping[str, Any]) -> tuple[float, float]:
        one = configs.dingtalk(sims)["dingtalk"]
        many = [one | {"name": f"bot{n}", "client_id": f"app{n}"} for n in range(bots)]
        begun = time.perf_counter()
        with processes.daemon(folder, configs.dingtalk(sims) | {"dingtalk": many}) as daemon:
            url = sims["dingtalk"]["base_url"]
            while len(processes.get(f"{url}/_sim/connections")["connections"]) < bots:
                if time.perf_counter() - begun > _PATIENCE:
                    break
                time.sleep(0.2)
            found = len(processes.get(f"{url}/_sim/connections")["connections"])
            assert found == bots, f"{found} of {bots} connections\n{daemon.log()}"
            return processes.rss_bytes(daemon.pid), time.perf_counter() - begun

    with tempfile.TemporaryDirectory() as folder, processes.simulators("dingtalk", "openai") as sims:
        rss: dict[int, float] = {}
        for bots in (1, count):
            place = Path(folder) / str(bots)
            place.mkdir()
            rss[bots], took = memory(bots, place, sims)
    return {"connections": count, "kb_per_bot": (rss[count] - rss[1]) / (count - 1) / 1000, "all_up_s": took}


def cards(answers: int = 200, tokens_per_second: float = 20.0) -> Figures:
    """Let so many users be answered on cards at once, within the platform's twenty calls a second.

    ``identical`` are the users who see one message, letter for letter what the model answered them.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.simulators(
            "dingtalk", "openai", args=["--tokens-per-second", f"{tokens_per_second}"]
        ) as sims,
        processes.daemon(
            Path(folder),
            configs.dingtalk(sims, enable_stream_reply=True, calls_per_second=20, card_template_id="mine"),
        ),
    ):
        url = sims["dingtalk"]["base_url"]
        put(url, "rules", {"qps": 20})
        plan: dict[str, Any] = {
            "messages": answers,
            "users": answers,
            "persistent": 20,
            "quiet": 90,
            "settle": 2,
        }
        plan["text"] = " ".join(f"word{n}" for n in range(200))
        report = processes.post(f"{url}/_sim/traffic", plan)
        counters = processes.get(f"{url}/_sim/counters")
        found = processes.get(f"{url}/_sim/cards")["cards"]
        users = processes.get(f"{url}/_sim/users")["users"]
        seen = [processes.get(f"{url}/_sim/inbox?user={user}")["messages"] for user in users]
        model = sims["openai"]["base_url"].removesuffix("/v1")
        said = Counter(_answer(each["body"]) for each in processes.get(f"{model}/_sim/requests")["requests"])
    shown = Counter(screen[0]["text"] for screen in seen if len(screen) == 1)
    return {
        "answers": report["answered"],
        "identical": (shown & said).total(),
        "cards_finished": sum(card["state"] == "finished" for card in found),
        "updates": counters.get("card/streaming", 0),
        "fewest_updates": min((len(card["updates"]) for card in found), default=0),
        "throttled": sum(n for name, n in counters.items() if "QpsLimit" in name),
        "doubled": report["duplicated"],
        "lost": report["lost"],
        "wall_s": report["wall_s"],
    }


def _answer(request: Mapping[str, Any]) -> str:
    """Return what the simulated model answers: it repeats what it was asked."""
    return f"echo: {request['messages'][-1]['content']}"


def bench() -> Result:
    """Measure all three."""
    figures: Figures = {}
    for prefix, found in (("kicks", kicks(30)), ("bots", bots()), ("cards", cards())):
        figures |= {f"{prefix}_{name}": value for name, value in found.items()}
    goals = {
        "kicks_lost": "0",
        "kicks_doubled": "0",
        "kicks_longest_gap_s": "< 3",
        "bots_kb_per_bot": "< 150",
        "cards_identical": f"{figures['cards_answers']:g}",
        "cards_throttled": "0",
    }
    return Result("dingtalk", figures, goals=goals, note="against the simulator")

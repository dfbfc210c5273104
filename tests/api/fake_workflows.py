"""Workflows and a router that answer by themselves, for tests of what stands around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from mindbot.domain.errors import Conflict, Invalid, NotFound
from mindbot.domain.message import Json

NAMES = ("code", "general")


def workflow_row(name: str, **more: Any) -> Json:
    """What is said of a workflow."""
    row = {
        "name": name,
        "type": "chat",
        "description": f"answers about {name}",
        "state": "ok",
        "enabled": True,
        "endpoint": "https://dify.example/v1",
        "priority": 100,
        "examples": 3,
        "shipped": 2,
        "learned": 1,
        "patterns": 1,
        "threshold": 0.5,
        "timeout": 60.0,
        "max_retries": 2,
        "in_flight": 0,
        "waiting": 0,
        "concurrency": 100,
        "replicas": [],
        "split": {},
        "shadow": {},
        "fallback": [],
        "runs_today": 0,
        "failed_today": 0,
        "recovered_today": 0,
        "shadow_today": 0,
        "success": None,
        "latency": None,
        "latencies": [],
        "satisfaction": None,
        "money_today": 0.0,
        "tokens_today": 0,
        "currency": "USD",
        "errors": [],
    }
    return row | more


class FakeWorkflows:
    """See `mindbot_daemon.server.backend.Workflows`. ``code`` echoes, ``general`` fails at its second node;
    a text of ``hang`` never ends."""

    def __init__(self) -> None:
        self.rows = {name: workflow_row(name) for name in NAMES}
        self.ran: list[Json] = []
        self.days: list[Json] = [
            {
                "workflow": "code",
                "day": "2026-11-30",
                "runs": 4,
                "failed": 1,
                "recovered": 1,
                "fallbacks": 0,
                "shadow": 0,
                "p50_s": 0.3,
                "p95_s": 1.5,
                "recovery_s": 4.0,
                "likes": 1,
                "dislikes": 0,
                "tokens": 900,
                "money": 0.01,
                "currency": "USD",
            }
        ]

    async def workflows(self) -> list[Json]:
        return list(self.rows.values())

    async def workflow(self, name: str) -> Json:
        if name not in self.rows:
            raise NotFound(f"no workflow named {name!r}", hint=f"there are: {', '.join(self.rows)}")
        return self.rows[name]

    async def switch(self, name: str, on: bool) -> Json:
        row = await self.workflow(name)
        if row["state"] == "disabled":
            raise Conflict(f"{name} is disabled", hint=f"set workflows.{name}.enabled: true")
        row |= {"state": "ok" if on else "off", "enabled": on}
        return row

    async def test(self, name: str) -> list[Json]:
        await self.workflow(name)
        return [
            {"name": "reach", "state": "ok", "detail": "", "mend": ""},
            {"name": "key", "state": "failed", "detail": "refused", "mend": "renew the key"},
        ]

    async def run(self, name: str, text: str, user: str, inputs: Mapping[str, Any]) -> Json:
        await self.workflow(name)
        if text == "hang":
            await anyio.sleep_forever()
        self.ran.append({"workflow": name, "text": text, "user": user, "inputs": dict(inputs)})
        fails = name == "general"
        return {
            "workflow": name,
            "answer": "" if fails else f"you said {text}",
            "status": "failed" if fails else "succeeded",
            "error": "node llm: no model" if fails else "",
            "took_ms": 320.0,
            "tokens": 12,
            "ids": {"run": "run-1"},
            "nodes": [
                {"name": "start", "kind": "start", "status": "succeeded", "took_ms": 1.0, "error": ""},
                {
                    "name": "llm",
                    "kind": "llm",
                    "status": "failed" if fails else "succeeded",
                    "took_ms": 300.0,
                    "error": "no model" if fails else "",
                },
            ],
        }

    async def compare(self, names: Sequence[str], text: str) -> list[Json]:
        if len(names) < 2:
            raise Invalid("one workflow is nothing to compare", hint="name two or more")
        return [await self.run(name, text, "", {}) for name in names]

    async def shadows(self, workflow: str, limit: int) -> list[Json]:
        pair = {
            "ts": 1_764_500_000.0,
            "turn": "070VGRWT40J00",
            "text": "hello",
            "answered_by": "general",
            "answer": "good day",
            "took_ms": 300.0,
            "shadow": await self.run("code", "hello", "lin", {}),
        }
        return [pair] if workflow in ("", "code") else []

    async def stats(self, days: int) -> list[Json]:
        return self.days


class FakeRouting:
    """See `mindbot_daemon.server.backend.Routing`: a text with ``python`` in it is for ``code``."""

    def __init__(self) -> None:
        self.router: Json = {
            "state": "ok",
            "reason": "",
            "mode": "hashed",
            "embedder": "hashed",
            "judge": "",
            "threshold": 0.5,
            "default": "general",
            "workflows": list(NAMES),
            "rules": [
                {
                    "name": "vip",
                    "enabled": True,
                    "conditions": "user boss",
                    "does": "workflow code",
                    "matched": 2,
                    "last": 1000.0,
                }
            ],
            "examples": 80,
            "shipped": 60,
            "learned": 0,
            "pending": 1,
            "decisions": 5,
            "none": 1,
        }
        self.corrections: dict[str, Json] = {
            "c1": {
                "id": "c1",
                "text": "fix my loop",
                "workflow": "code",
                "was": "general",
                "state": "pending",
                "origin": "feedback",
                "by": "wecom/lin",
                "turn": "",
                "ts": 1000.0,
                "note": "",
                "reviewed_by": "",
            }
        }
        self.asked: list[Json] = []

    async def state(self) -> Json:
        return self.router

    async def classify(self, text: str) -> Json:
        meant = "code" if "python" in text else None
        nearest = [{"text": "write python", "workflow": "code", "similarity": 0.8 if meant else 0.1}]
        score = 0.9 if meant else 0.2
        return {
            "workflow": meant,
            "answers": meant or "general",
            "runner": "workflow",
            "confidence": score,
            "why": "python stands in it" if meant else "nothing is like it",
            "candidates": [
                {
                    "workflow": "code",
                    "score": score,
                    "parts": {"pattern": 1.0 if meant else 0.0, "similarity": 0.8 if meant else 0.1},
                    "nearest": nearest,
                    "patterns": ["python"] if meant else [],
                },
                {
                    "workflow": "general",
                    "score": 0.1,
                    "parts": {"similarity": 0.1},
                    "nearest": [],
                    "patterns": [],
                },
            ],
            "mode": "hashed",
            "threshold": 0.5,
            "margin": score - 0.1,
            "nearest": nearest,
            "rule": "",
            "rules": [],
            "chain": [meant or "general"],
            "together": [],
            "split_from": "",
            "shadow": [],
            "reply": "",
            "took_ms": 0.4,
        }

    async def explain(self, text: str, **who: Any) -> Json:
        self.asked.append({"text": text, **who})
        return await self.classify(text)

    async def learned(self, state: str, limit: int) -> list[Json]:
        found = [each for each in self.corrections.values() if state in ("", each["state"])]
        return found[::-1][:limit]

    async def learn(self, text: str, *, turn: str, workflow: str | None, note: str, by: str) -> Json:
        if not text and not turn:
            raise Invalid("which text? give it, or a turn")
        id = f"c{len(self.corrections) + 1}"
        self.corrections[id] = {
            "id": id,
            "text": text,
            "workflow": workflow,
            "was": None,
            "state": "accepted",
            "origin": "operator",
            "by": by,
            "turn": turn,
            "ts": 2000.0,
            "note": note,
            "reviewed_by": "",
        }
        return self.corrections[id]

    async def review(self, id: str, verdict: str, *, by: str) -> Json:
        if id not in self.corrections:
            raise NotFound(f"no correction {id!r}")
        state = {"accept": "accepted", "reject": "rejected", "revert": "reverted"}[verdict]
        self.corrections[id] |= {"state": state, "reviewed_by": by}
        return self.corrections[id]

    async def diff(self, config: str, last: int) -> list[Json]:
        return [
            {
                "turn": "01T",
                "text": "write python",
                "before": "code",
                "after": None,
                "confidence": 0.4,
                "why": "nothing is like it",
            }
        ][:last]


class FakeDatasets:
    """See `mindbot_daemon.server.backend.Datasets`: one, with one document, in which all is found."""

    def __init__(self) -> None:
        self.put_in: list[Json] = []

    def _known(self, name: str) -> None:
        if name != "handbook":
            raise NotFound(f"no dataset named {name!r}", hint="there are: handbook")

    async def datasets(self) -> list[Json]:
        row = {"name": "handbook", "title": "Handbook", "dataset_id": "d-1", "documents": 1, "error": ""}
        return [{**row, "endpoint": "https://dify.example/v1"}]

    async def documents(self, name: str) -> list[Json]:
        self._known(name)
        row = {"id": "doc-1", "name": "leave.txt", "status": "available", "words": 12, "created": 1.0}
        return [{**row, "error": ""}]

    async def query(self, name: str, text: str) -> list[Json]:
        self._known(name)
        return [{"text": f"about {text}", "answer": "", "document": "leave.txt", "score": 0.5}]

    async def put(self, name: str, file: str, title: str) -> Json:
        self._known(name)
        self.put_in.append({"dataset": name, "file": file, "title": title})
        return {"id": "doc-2", "name": title, "status": "indexing", "words": 0, "created": 2.0, "error": ""}

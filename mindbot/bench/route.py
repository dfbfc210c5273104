"""How long it takes to tell which workflow a text is meant for: CPU, by each way of comparing.

The six well-known workflows with the examples that come with MindBot. The floor is what nobody gets below
who compares vectors: a bare product of one vector with those of all examples; with the local model, the
vector alone.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import anyio

from mindbot.bench.measure import Figures, Result
from mindbot.config.workflows import RouterSettings, WorkflowSettings
from mindbot.domain.routing import RouteQuestion
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.embedders import LocalVectors, has_local
from mindbot.workflows.router.examples import WELL_KNOWN, builtin
from mindbot.workflows.router.vectors import ExampleVectors

_TEXTS = (
    "could you please look at why my unit test fails since yesterday",
    "上个月华东区的销售额和前年相比怎么样，画个图",
    "write something cheerful for the new colleague in our team",
    "帮我把这份合同里的付款条件找出来",
    "good morning everybody",
    "what are the rules for lithium batteries in air freight?",
    "把会议室的投影打开",
)
_PATTERNS = {"code_analysis": ("python|java|sql", "debug|error|bug"), "general_chat": ("hello|hi|hey",)}


def bench(messages: int = 350, rounds: int = 3) -> Result:
    """Return milliseconds of CPU a text: medians of rounds. The local model only where it is installed."""
    return anyio.run(_bench, messages, rounds)


async def _bench(messages: int, rounds: int) -> Result:
    figures: Figures = {"texts": messages}
    floor: Figures = {}
    for name, embedder in (("patterns", "none"), ("hashed", "hashed")):
        asked = await _classifier(embedder, None)
        figures[f"{name}_ms"] = await _median(asked.classify, _questions(messages), rounds)
    if has_local():
        model = LocalVectors()
        asked = await _classifier("local", ExampleVectors(model))
        few = _questions(messages // 10)  # each another text: what was asked before is remembered
        figures["local_ms"] = await _median(asked.classify, few, 1)
        floor["local_ms"] = await _median(lambda each: model.of([each.text]), few, 1)
    floor["hashed_ms"] = await _dots(messages, rounds)
    return Result("route", figures, floor, {"hashed_ms": "< 2", "local_ms": "< 25"})


async def _classifier(embedder: str, vectors: ExampleVectors | None) -> Classifier:
    workflows = {
        name: WorkflowSettings.model_validate(
            {"dify_api_key": "app-not-a-key", "task_patterns": _PATTERNS.get(name, ())}
        )
        for name in WELL_KNOWN
    }
    made = Classifier(workflows, RouterSettings(embedder=embedder), vectors=vectors)
    await made.prepare()
    return made


def _questions(messages: int) -> list[RouteQuestion]:
    return [RouteQuestion(f"{_TEXTS[n % len(_TEXTS)]} {n}") for n in range(messages)]


async def _dots(messages: int, rounds: int) -> float:
    """Return the milliseconds of a product of a vector with as many as there are examples."""
    import numpy as np

    count = sum(len(builtin(name)) for name in (*WELL_KNOWN, "none"))
    rows = np.random.default_rng(1).random((count, 384), np.float32)

    async def dot(question: RouteQuestion) -> object:
        return rows @ rows[len(question.text)]

    return await _median(dot, _questions(messages), rounds)


async def _median(
    ask: Callable[[RouteQuestion], Awaitable[object]], asked: Sequence[RouteQuestion], rounds: int
) -> float:
    took = []
    for _ in range(rounds):
        started = time.process_time()
        for question in asked:
            await ask(question)
        took.append((time.process_time() - started) / len(asked) * 1000)
    return statistics.median(took)

"""An embedder or a judge that fails is told, and texts are compared by what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from mindbot.config.workflows import RouterSettings, WorkflowSettings
from mindbot.domain.chat import ChatRequest, Chunk, Chunks
from mindbot.domain.errors import NetworkFailed
from mindbot.domain.ports.answering import Embedding
from mindbot.domain.routing import RouteQuestion
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.router import vectors as router_vectors
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.embedders import ProviderVectors
from mindbot.workflows.router.hashed import places
from mindbot.workflows.router.judge import RouteJudge
from mindbot.workflows.router.vectors import MOMENT, PAUSE, ExampleVectors

pytestmark = pytest.mark.anyio

TWO = {
    "bikes": WorkflowSettings.model_validate(
        {"dify_api_key": "app-no-key", "examples": ("repair a bike", "my bike has a flat tyre", "bike chain")}
    ),
    "cakes": WorkflowSettings.model_validate(
        {"dify_api_key": "app-no-key", "examples": ("bake a cake", "cake with apples", "icing for a cake")}
    ),
}


class Models:
    """A provider that makes vectors and verdicts, until it is down."""

    def __init__(self, verdict: str = "") -> None:
        self.down = False
        self.verdict = verdict
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], *, provider: str, model: str = "") -> Embedding:
        self.asked += texts
        if self.down:
            raise NetworkFailed("connection refused", sent=False)
        vectors = []
        for text in texts:
            row = [0.001] * 64
            for place, weight in places(text).items():
                row[place % 64] += weight
            vectors.append(row)
        return Embedding(vectors)

    async def chat(self, request: ChatRequest, **given: Any) -> Chunks:
        self.asked.append(request.messages[-1].content)
        if self.down:
            raise NetworkFailed("connection refused", sent=False)
        yield Chunk(self.verdict[:9])
        yield Chunk(self.verdict[9:], finish="stop")


class Timer:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_an_embedder_that_is_down_is_told_left_alone_and_asked_again_later() -> None:
    models, clock = Models(), Timer()
    vectors = ExampleVectors(ProviderVectors(models, "acme"), clock=clock)
    asked = Classifier(TWO, RouterSettings(embedder="acme"), vectors=vectors)
    first = await asked.classify(RouteQuestion("a flat tyre on my bike"))
    assert (first.workflow, first.mode, first.degraded) == ("bikes", "full", "")
    models.down = True
    second = await asked.classify(RouteQuestion("please bake me a cake with apples"))
    assert (second.workflow, second.mode) == ("cakes", "hashed")
    assert "patterns only" in second.why
    assert "acme is down: connection refused" in second.degraded
    assert asked.mode == "hashed"
    calls = len(models.asked)
    assert (await asked.classify(RouteQuestion("icing"))).degraded
    assert len(models.asked) == calls
    models.down, clock.now = False, clock.now + PAUSE + 1
    again = await asked.classify(RouteQuestion("please bake me a cake with apples"))
    assert (again.mode, again.degraded) == ("full", "")


async def test_a_text_that_needs_no_embedder_says_nothing_of_it() -> None:
    models = Models()
    vectors = ExampleVectors(ProviderVectors(models, "acme"))
    asked = Classifier(TWO, RouterSettings(embedder="acme"), vectors=vectors)
    models.down = True
    assert not (await asked.classify(RouteQuestion("Repair a bike!"))).degraded
    assert not asked.degraded
    await asked.classify(RouteQuestion("please bake me a cake with apples"))
    for text in ("Repair a bike!", "   "):
        assert not (await asked.classify(RouteQuestion(text))).degraded
        assert "acme is down" in asked.degraded


class OneByOne(ProviderVectors):
    """Takes its time: each text is a call, after which the message waits no longer."""

    batch = 1

    def __init__(self, models: Models, clock: Timer) -> None:
        super().__init__(models, "acme")
        self.clock = clock

    async def of(self, texts: Sequence[str]) -> Any:
        self.clock.now += MOMENT
        return await super().of(texts)


async def test_vectors_that_are_being_made_are_no_failure() -> None:
    clock = Timer()
    vectors = ExampleVectors(OneByOne(Models(), clock), clock=clock)
    asked = Classifier(TWO, RouterSettings(embedder="acme"), vectors=vectors)
    found = await asked.classify(RouteQuestion("a flat tyre on my bike"))
    assert (found.mode, asked.mode, asked.degraded) == ("hashed", "hashed", "")
    assert "being made (1 of 6)" in found.degraded


class Slow(ProviderVectors):
    """Answers when it is let."""

    def __init__(self, models: Models) -> None:
        super().__init__(models, "acme")
        self.free = anyio.Event()
        self.free.set()

    async def of(self, texts: Sequence[str]) -> Any:
        await self.free.wait()
        return await super().of(texts)


async def test_an_embedder_that_answers_others_is_busy_and_not_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_vectors, "DEADLINE", 0.01)
    models, clock = Models(), Timer()
    slow = Slow(models)
    vectors = ExampleVectors(slow, clock=clock)
    asked = Classifier(TWO, RouterSettings(embedder="acme"), vectors=vectors)
    await asked.classify(RouteQuestion("a flat tyre on my bike"))
    slow.free = anyio.Event()
    found = await asked.classify(RouteQuestion("please bake me a cake with apples"))
    assert "acme is busy" in found.degraded
    assert not asked.degraded
    clock.now += 1.0
    found = await asked.classify(RouteQuestion("please bake me a cake with apples"))
    assert "acme is down: it took longer" in found.degraded
    assert "acme is down" in asked.degraded


async def test_a_configuration_that_is_tried_takes_no_vectors_from_the_one_in_force() -> None:
    models, keep = Models(), MemoryKeep(Inbox())
    source = ProviderVectors(models, "acme")
    await ExampleVectors(source, keep).prepare(["one", "two", "three"])
    await ExampleVectors(source, keep, keeps=False).prepare(["one", "four", "five"])
    assert models.asked == ["one", "two", "three", "four", "five"]
    await ExampleVectors(source, keep).prepare(["one", "two", "three"])
    assert len(models.asked) == 5


def judged(models: Models) -> Classifier:
    judge = RouteJudge(models, "acme", "", 5.0, {"bikes": ["bicycles"], "cakes": ["baking"]})
    settings = RouterSettings(embedder="hashed", judge="acme", threshold=0.8)
    return Classifier(TWO, settings, judge=judge)


UNCLEAR = RouteQuestion("a cake for my bike, repair")


async def test_a_judge_decides_what_is_not_clear() -> None:
    models = Models('Sure: {"workflow": "cakes", "confidence": 0.9, "why": "it is about baking"}')
    found = await judged(models).classify(UNCLEAR)
    assert (found.workflow, found.confidence) == ("cakes", 0.9)
    assert found.candidates[0].parts["judge"] == 0.9
    assert "it is about baking" in found.why
    none = await judged(Models('{"workflow": null, "confidence": 0.8}')).classify(UNCLEAR)
    assert none.workflow is None


async def test_a_judge_is_not_asked_where_an_example_says_just_that() -> None:
    models = Models('{"workflow": "cakes", "confidence": 0.9}')
    assert (await judged(models).classify(RouteQuestion("Repair a bike!"))).workflow == "bikes"
    assert models.asked == []


@pytest.mark.parametrize(
    "verdict", ["cakes", '{"workflow": "trains", "confidence": 1}', '{"workflow": "cakes"}', "{", ""]
)
async def test_what_is_no_verdict_is_told_and_changes_nothing(verdict: str) -> None:
    plain = await Classifier(TWO, RouterSettings(embedder="hashed", threshold=0.8)).classify(UNCLEAR)
    found = await judged(Models(verdict)).classify(UNCLEAR)
    assert (found.workflow, found.confidence) == (plain.workflow, plain.confidence)
    assert "the judge acme gave no verdict" in found.degraded
    down = Models()
    down.down = True
    assert "connection refused" in (await judged(down).classify(UNCLEAR)).degraded


async def test_what_is_loaded_before_the_first_message_asks_nobody() -> None:
    keep, models = MemoryKeep(Inbox()), Models()

    def started() -> Classifier:
        vectors = ExampleVectors(ProviderVectors(models, "acme"), keep)
        return Classifier(TWO, RouterSettings(embedder="acme"), vectors=vectors)

    first = started()
    await first.ready()
    assert models.asked == []
    assert (await first.classify(RouteQuestion("a flat tyre on my bike"))).mode == "full"
    models.asked.clear()
    again = started()
    await again.ready()
    assert models.asked == []
    assert (await again.classify(RouteQuestion("apples for my cake"))).mode == "full"
    assert models.asked == ["apples for my cake"]

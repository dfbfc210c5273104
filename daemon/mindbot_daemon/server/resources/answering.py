"""What answers and where: bots, models, workflows, knowledge bases, the router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from mindbot.domain.shapes.daemon import BotJson, CheckJson
from mindbot.domain.shapes.providers import ModelJson, ProviderJson, SpentJson
from mindbot.domain.shapes.workflows import (
    DatasetDocumentJson,
    DatasetJson,
    DatasetPieceJson,
    DecisionJson,
    LearnedJson,
    MovedJson,
    RouterJson,
    ShadowJson,
    WorkflowDayJson,
    WorkflowJson,
    WorkflowRunJson,
)


class Platforms(Protocol):
    """The bots."""

    def platforms(self) -> list[BotJson]:
        """One entry a bot."""

    def platform(self, platform: str, bot: str) -> BotJson:
        """One bot; raises NotFound."""

    async def restart_platform(self, platform: str, bot: str) -> None:
        """Stop a bot's adapter and start it again; raises NotFound."""

    async def stop_platform(self, platform: str, bot: str) -> None:
        """Stop a bot's adapter; raises NotFound."""

    async def test_platform(self, platform: str, bot: str) -> list[CheckJson]:
        """Let a bot prove that it works, step by step; raises NotFound."""

    async def push(
        self, *, platform: str, bot: str, text: str, user: str, group: str, files: Sequence[str]
    ) -> str:
        """Let a bot speak of its own accord; returns the turn. Raises NotFound, Invalid."""


class Providers(Protocol):
    """The models' providers."""

    async def providers(self) -> list[ProviderJson]:
        """One entry a provider; raises StoreError."""

    async def provider(self, name: str) -> ProviderJson:
        """One provider; raises NotFound, StoreError."""

    async def test_provider(self, name: str, model: str = "") -> list[CheckJson]:
        """Ask one really, step by step; raises NotFound, ConfigError."""

    async def switch_provider(self, name: str, *, on: bool) -> ProviderJson:
        """Switch one off or on; raises NotFound, Conflict, StoreError."""

    async def models(self, name: str, *, ask: bool) -> list[ModelJson]:
        """A provider's models; raises NotFound, Invalid, VendorError."""

    async def usage(self, by: str, days: int, *, limit: int = 1000, after: str = "") -> list[SpentJson]:
        """What was spent, the newest day first, from the row behind ``after``; raises Invalid, StoreError."""


class Workflows(Protocol):
    """The apps that answer. All raise StoreError; those that take a name raise NotFound."""

    async def workflows(self) -> list[WorkflowJson]:
        """One entry a workflow."""

    async def workflow(self, name: str) -> WorkflowJson:
        """One workflow."""

    async def switch(self, name: str, on: bool) -> WorkflowJson:
        """Switch one off or on; raises Conflict."""

    async def test(self, name: str) -> list[CheckJson]:
        """Prove that its apps can be asked; raises Conflict."""

    async def run(self, name: str, text: str, user: str, inputs: Mapping[str, Any]) -> WorkflowRunJson:
        """Run one by hand; what the vendor refuses is in the answer. Raises Conflict, Invalid."""

    async def compare(self, names: Sequence[str], text: str) -> list[WorkflowRunJson]:
        """Run several with one text; raises Conflict, Invalid."""

    async def shadows(self, workflow: str, limit: int) -> list[ShadowJson]:
        """What was answered in the shadow, the newest first; an empty ``workflow`` is any."""

    async def stats(self, days: int) -> list[WorkflowDayJson]:
        """What each did by day, the newest first."""


class Datasets(Protocol):
    """Knowledge bases of Dify's. Those that take a name raise NotFound, VendorError."""

    async def datasets(self) -> list[DatasetJson]:
        """One entry a knowledge base."""

    async def documents(self, name: str) -> list[DatasetDocumentJson]:
        """What is in one."""

    async def query(self, name: str, text: str) -> list[DatasetPieceJson]:
        """What a question finds; raises Invalid."""

    async def put(self, name: str, file: str, title: str) -> DatasetDocumentJson:
        """Put a file of the media store into one; raises Invalid."""


class Routing(Protocol):
    """Where messages go."""

    async def state(self) -> RouterJson:
        """How the router is, and its rules."""

    async def classify(self, text: str) -> DecisionJson:
        """What a text means by itself; raises Conflict."""

    async def explain(
        self,
        text: str,
        *,
        platform: str,
        bot: str,
        user: str,
        group: str,
        departments: Sequence[str],
        session: str,
    ) -> DecisionJson:
        """Where a message would go, and why; raises Conflict."""

    async def learned(self, state: str, limit: int) -> list[LearnedJson]:
        """Corrections, the newest first; an empty ``state`` is any. Raises StoreError."""

    async def learn(self, text: str, *, turn: str, workflow: str | None, note: str, by: str) -> LearnedJson:
        """Keep where a text, or what a turn was asked, belongs, and who says so (``by``); raises NotFound,
        Invalid, StoreError."""

    async def review(
        self, id: str, verdict: Literal["accept", "reject", "revert"], *, by: str
    ) -> LearnedJson:
        """Let a correction count or not; raises NotFound, Conflict, StoreError."""

    async def diff(self, config: str, last: int) -> list[MovedJson]:
        """What another configuration (YAML) would move of the last messages; raises ConfigError."""

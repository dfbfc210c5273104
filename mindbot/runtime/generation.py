"""A configuration generation: everything built from one reading of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from mindbot.config import addresses
from mindbot.config.load import Loaded
from mindbot.config.model import Config
from mindbot.domain.errors import MindBotError
from mindbot.domain.ports.answering import Runner
from mindbot.domain.turn import Tracer
from mindbot.pipeline import onion
from mindbot.providers.manager import ProviderManager
from mindbot.runtime import assembly
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.workflows.manager import Report, Workflows
from mindbot.workflows.router.router import WorkflowRouter

#: Before their names among the components.
PROVIDER = "provider "
WORKFLOW = "workflow "
#: Its name among them.
ROUTER = "router"


def base_urls(config: Config) -> list[str]:
    """Return the vendor URLs an operator configured: the only private addresses that may be called."""
    bots = [bot for platform in config.platforms for bot in config.bots_of(platform)]
    apps = config.workflows.values()
    replicas = [replica for app in apps for replica in app.replicas]
    sections = (*bots, *config.providers.values(), *apps, *replicas)
    return [url for section in sections for url in addresses.of(section)]


class Telling:
    """Says on the board how the parts of a generation are, until another has replaced it: what its last turns
    meet says nothing of those that are in force."""

    def __init__(self, board: HealthBoard) -> None:
        self._board = board
        self.over = False

    def __call__(self, component: str, state: str, reason: str) -> None:
        """Note how a component is."""
        if not self.over:
            self._board.report(component, state, reason)

    def of(self, kind: str) -> Report:
        """Return what notes it by a name without what stands before the names of its kind."""
        return lambda name, state, reason: self(f"{kind}{name}", state, reason)


@dataclass(slots=True)
class Generation:
    """Turns keep the generation they began with; a reload makes a new one beside it."""

    number: int
    loaded: Loaded
    providers: ProviderManager
    workflows: Workflows
    router: WorkflowRouter
    stages: tuple[str, ...]  # their names, outermost first
    pipeline: onion.Next
    tracer: Tracer
    runners: dict[str, Runner]  # what answers, by name
    left_out: assembly.LeftOut  # parts of other packages that do not work, and why
    telling: Telling
    turns: int = 0  # running on it
    replaced: bool = False
    _mark: str = ""

    @property
    def mark(self) -> str:
        """Its number in this process, and what tells its configuration from others (secrets do not)."""
        if not self._mark:
            said = self.loaded.config.model_dump_json().encode()
            self._mark = f"{self.number}/{blake2b(said, digest_size=4).hexdigest()}"
        return self._mark

    def begin(self, board: HealthBoard) -> None:
        """Be the one in force: how each provider and workflow is now is told when it is asked next."""
        board.forget_all(PROVIDER)
        board.forget_all(WORKFLOW)
        self.providers.begin()
        self.workflows.begin()
        board.forget_all(ROUTER)
        self.router.begin()
        board.leave_out(self.left_out)

    def replace(self) -> None:
        """Be one that another has replaced."""
        self.replaced = self.telling.over = True

    def trouble(self) -> MindBotError | None:
        """Return why no message can be answered, whoever is well; None where one can be."""
        return None if self.workflows.first() else self.providers.trouble()

    async def close_if_done(self) -> None:
        """Close what it alone uses, once another generation has replaced it and its last turn has ended."""
        if self.replaced and not self.turns:
            await self.aclose()

    async def aclose(self) -> None:
        """Close what it alone uses."""
        await self.workflows.aclose()
        await self.providers.aclose()

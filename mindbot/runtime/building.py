"""Makes configuration generations: what each is built of, and what they share."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import structlog

from mindbot import registry
from mindbot.config.load import Loaded
from mindbot.config.model import Config
from mindbot.domain.host import Keep, Secrets
from mindbot.domain.ports.http import Http
from mindbot.domain.ports.store import Store
from mindbot.domain.turn import Tracer
from mindbot.media.spool import SpooledMedia
from mindbot.pipeline import onion
from mindbot.pipeline.services import Services
from mindbot.pipeline.stop import Forgets
from mindbot.providers.management.standing import Standing
from mindbot.providers.manager import ProviderManager
from mindbot.runtime import assembly
from mindbot.runtime.bridge import Bridge
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.executor import Executor
from mindbot.runtime.forks import Forks
from mindbot.runtime.generation import PROVIDER, ROUTER, WORKFLOW, Generation, Telling, base_urls
from mindbot.runtime.hosting import Later
from mindbot.runtime.lifecycle import HealthBoard, beside
from mindbot.runtime.ratings import Ratings
from mindbot.runtime.replaying import ReplayedSteps
from mindbot.runtime.resources.questions import Questions
from mindbot.workflows.manager import Workflows
from mindbot.workflows.recent import RecentKeep
from mindbot.workflows.router.assembling import classifier_of
from mindbot.workflows.router.previous import Previous
from mindbot.workflows.router.router import WorkflowRouter
from mindbot.workflows.running.background import WorkflowBackground
from mindbot.workflows.running.shadows import Shadows
from mindbot.workflows.standing import WorkflowStanding

log = structlog.get_logger("mindbot.runtime")

#: What workflows keep under keys that begin so is asked for with each message.
_EACH_MESSAGE = ("dify:conversation:", "coze:conversation:", "replica:")


class Builder:
    """See the module. ``keep`` is where workflows keep what they know; ``later`` keeps facts with turns that
    have ended, and tells of ratings."""

    def __init__(
        self,
        http: Http,
        secrets: Secrets,
        store: Store,
        media: SpooledMedia,
        keep: Keep,
        executor: Executor,
        bridge: Bridge,
        dispatcher: Dispatcher,
        board: HealthBoard,
        tracer: Tracer,
        later: Later,
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._store = store
        self._media = media
        self._executor = executor
        self._bridge = bridge
        self._dispatcher = dispatcher
        self._board = board
        self._tracer = tracer
        self.providers = Standing(store.keep, store.spending)
        self.workflows = WorkflowStanding(RecentKeep(keep, _EACH_MESSAGE))
        self.background = WorkflowBackground(self.workflows, later.told)
        self.ratings = Ratings(Questions(store, dispatcher))
        later.listeners.append(self.ratings.take)

    async def load(self) -> None:
        """Read what an earlier process knew of providers and workflows; raises StoreError."""
        await self.providers.load()
        await self.workflows.load()

    def beside(self, current: Callable[[], Generation]) -> AbstractAsyncContextManager[None]:
        """Do what workflows need beside the turns, for the length of a block."""

        def workflows() -> Workflows:
            return current().workflows

        return beside(partial(self.background.run, workflows), partial(self.ratings.run, workflows))

    def build(self, number: int, loaded: Loaded) -> Generation:
        """Build everything of a configuration.

        Raises:
            MindBotError: a stage or runner cannot be made from it.
        """
        config = loaded.config
        for url in base_urls(config):
            self._http.allow(url)
        telling = Telling(self._board)
        providers = ProviderManager(
            config, self._http, self._secrets, self.providers, report=telling.of(PROVIDER)
        )
        workflows = Workflows(
            config,
            self._http,
            self._secrets,
            self.workflows,
            providers,
            report=telling.of(WORKFLOW),
            till=providers,
        )
        router = self._router(config, providers, telling)
        offered = self._services(loaded, providers, workflows, router)
        left_out: assembly.LeftOut = {}
        assembly.runners(offered, left_out)
        stages = assembly.stages(offered, left_out)
        return Generation(
            number,
            loaded,
            providers,
            workflows,
            router,
            tuple(name for name, _ in stages),
            onion.build(stages),
            self._tracer,
            offered.runners,
            left_out,
            telling,
        )

    def _router(self, config: Config, providers: ProviderManager, telling: Telling) -> WorkflowRouter:
        standing = self.workflows
        previous = Previous(standing.keep, config.router.sticky, time.time)
        return WorkflowRouter(
            config,
            registry.names("runners"),
            classifier_of(config, providers, keep=standing.keep),
            standing.learned,
            previous,
            switched_on=lambda name: not standing.is_off(name),
            report=partial(telling, ROUTER),
        )

    def _services(
        self, loaded: Loaded, providers: ProviderManager, workflows: Workflows, router: WorkflowRouter
    ) -> Services:
        return Services(
            config=loaded.config,
            models=providers,
            finish=self._executor.finish,
            history=Forks(self._store.history, self._store.keep).last,
            once=ReplayedSteps(self._store.turns.once),
            running=self._bridge.running,
            lend=self._dispatcher.lend,
            silence=self._bridge.silence,
            greeting=self._bridge.greeting,
            fetch=self._bridge.fetch,
            local=self._media.path,
            directory=self._bridge.directory,
            warn=log.warning,
            clock=time.time,
            timer=time.monotonic,
            hands_over=lambda turn: self._dispatcher.cuts_off and not self._bridge.stopped(turn),
            parts={
                Workflows: workflows,
                Shadows: self.background.shadows,
                WorkflowRouter: router,
                Forgets: self.workflows.forms,
            },
        )

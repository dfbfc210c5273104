"""The workflows of one configuration generation: their apps, how they are, and who chooses among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from mindbot.config.model import Config
from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.chat import Usage
from mindbot.domain.errors import MindBotError, NotFound
from mindbot.domain.host import Secrets
from mindbot.domain.ports.http import Http
from mindbot.domain.ports.store import Recorded
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Models, Services, Till
from mindbot.telemetry.redaction import told
from mindbot.workflows.apps import App, AppParts
from mindbot.workflows.datasets import Datasets
from mindbot.workflows.general import default_workflow
from mindbot.workflows.kinds import Build, build
from mindbot.workflows.members import Choice, Member, members_of
from mindbot.workflows.standing import WorkflowStanding
from mindbot.workflows.verdict import FOR_A_PERSON

#: Told (workflow, state, reason) when one changes: ok, degraded or failed.
Report = Callable[[str, str, str], None]

_STAYS, _STAYS_FOR = "replica:", 30 * 86_400.0  # whose a conversation is, and for how many seconds


class Workflows:
    """See the module. ``models`` are asked for verdicts and embeddings; ``standing`` outlives it."""

    def __init__(
        self,
        config: Config,
        http: Http,
        secrets: Secrets,
        standing: WorkflowStanding,
        models: Models,
        *,
        report: Report = lambda workflow, state, reason: None,
        build: Build = build,
        till: Till | None = None,
    ) -> None:
        self.config = config
        self.http = http
        self.secrets = secrets
        self.standing = standing
        self.datasets = Datasets(config.dify_datasets, http, secrets)
        self.models = models
        self.report = report
        self._build = build
        self._till = till
        self._failing: dict[str, set[str]] = {}
        self.settings: Mapping[str, WorkflowSettings] = config.workflows
        self.members = {name: members_of(name, each) for name, each in config.workflows.items()}
        self._choice = Choice(lambda member: standing.late_of(member).latency)
        self._apps: dict[tuple[Member, bool], App] = {}
        self._parts: dict[bool, AppParts] = {}

    def begin(self) -> None:
        """Be the ones in force: what is known of them is held against this configuration."""
        self.standing.use({name: each.concurrency for name, each in self.settings.items()})

    def serve(self, services: Services) -> None:
        """Be asked by a pipeline with these services: apps remember their steps with the turn."""
        kept = AppParts(
            self.http,
            self.secrets,
            self.standing.keep,
            services.once,
            services.local,
            services.clock,
            services.hands_over,
            self.standing.runs,
            self.standing.aside,
        )
        self._parts = {False: kept, True: replace(kept, once=_each_time, hands_over=lambda turn: False)}

    # --- who there is

    def usable(self, name: str) -> bool:
        """Tell whether a workflow may be asked: there is one, enabled, and nobody switched it off."""
        settings = self.settings.get(name)
        return settings is not None and settings.enabled and not self.standing.is_off(name)

    def get(self, name: str) -> WorkflowSettings:
        """Return a workflow's settings; raises NotFound."""
        if (settings := self.settings.get(name)) is None:
            there = ", ".join(self.settings) or "none"
            raise NotFound(f"no workflow named {name!r}", hint=f"there are: {there}")
        return settings

    def default(self) -> str:
        """Return the workflow for what belongs to none; empty where there is none."""
        return default_workflow(self.config, self.usable)

    def first(self) -> str:
        """Return the usable workflow whose `priority` is the lowest; empty where none is usable."""
        usable = [name for name in self.settings if self.usable(name)]
        return min(usable, key=lambda name: self.settings[name].priority, default="")

    def line(self, name: str, stays: str | None = None) -> list[Member]:
        """Return the apps of a workflow in the order in which they are asked."""
        return self._choice.order(self.members[name], stays)

    async def stays(self, name: str, conversation: str) -> str | None:
        """Return the replica that has a conversation, while it is well: the vendor of another one knows
        nothing of it. None where any will do; raises StoreError."""
        if not conversation or len(self.members[name]) < 2:
            return None
        known = await self.standing.keep.get(f"{_STAYS}{name}:{conversation}")
        if known is None:
            return None
        stays = str(known.get("replica", ""))
        here = [member for member in self.members[name] if member.replica == stays]
        return stays if here and self.standing.circuit(here[0]).reason is None else None

    async def stay(self, member: Member, conversation: str) -> None:
        """Let a conversation stay with the app that is about to be asked: also a process that takes the turn
        up after a crash asks that one. Raises StoreError."""
        if not conversation or len(self.members[member.workflow]) < 2:
            return
        key = f"{_STAYS}{member.workflow}:{conversation}"
        if (await self.standing.keep.get(key) or {}).get("replica") != member.replica:
            await self.standing.keep.put(key, {"replica": member.replica}, ttl=_STAYS_FOR)

    def app(self, member: Member, *, aside: bool = False) -> App:
        """Return an app, built on first use. ``aside``: it remembers nothing with a turn (a shadow run, a run
        by hand).

        Raises:
            ConfigError: its settings are unusable.
        """
        if (found := self._apps.get((member, aside))) is None:
            found = self._apps[member, aside] = self._build(member, self._parts[aside])
        return found

    async def identity(self, member: Member) -> str:
        """Return what tells an app from others; empty where its settings or key are unusable."""
        try:
            return await self.app(member).identity()
        except MindBotError:
            return ""

    # --- what comes of it

    async def check(self, payer: Payer) -> None:
        """Raise BudgetSpent where a payer has nothing left to spend."""
        if self._till is not None:
            await self._till.check(payer)

    async def charge(self, payer: Payer, usage: Usage) -> None:
        """Count what an app's answer took, in its own day too; raises StoreError."""
        money = 0 if self._till is None else await self._till.charge(payer, usage)
        if payer.workflow:
            tokens = usage.input_tokens + usage.output_tokens
            self.standing.stats.add(payer.workflow, tokens=tokens, money=money)

    def went_well(self, member: Member) -> None:
        """Tell that an app answered: its workflow is well once none of its apps fails."""
        failing = self._failing.get(member.workflow)
        if failing is not None:
            failing.discard(member.replica)
            if not failing:
                del self._failing[member.workflow]
                self.report(member.workflow, "ok", "")

    def fails(self, member: Member, failure: MindBotError) -> None:
        """Tell that an app fails: ``failed`` where a person has to mend it and no other app is well."""
        failing = self._failing.setdefault(member.workflow, set())
        failing.add(member.replica)
        able = [each for each in self.members[member.workflow] if each.enabled]
        hopeless = isinstance(failure, FOR_A_PERSON) and len(failing) >= len(able)
        self.report(member.workflow, "failed" if hopeless else "degraded", told(failure))

    async def aclose(self) -> None:
        """Close what it alone uses."""
        apps, self._apps = self._apps, {}
        for app in apps.values():
            await app.aclose()


def unique(names: Iterable[str]) -> list[str]:
    """Return names once each, in their order, without empty ones."""
    return [name for name in dict.fromkeys(names) if name]


async def _each_time(turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
    """Remember a step with the turn alone: nobody takes such a run up after a crash."""
    if key not in turn.memo:
        turn.memo[key] = await step()
    known: Recorded = turn.memo[key]
    return known

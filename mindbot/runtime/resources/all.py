"""All resources of the local API, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mindbot.bus import Bus
from mindbot.config.model import Config
from mindbot.config.secrets import SecretLookup
from mindbot.domain.ports.store import Store
from mindbot.media.spool import SpooledMedia
from mindbot.runtime.answering import OnShow
from mindbot.runtime.bots import Bots
from mindbot.runtime.debugging import Debugging
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.endings import Endings
from mindbot.runtime.feedback import Feedback
from mindbot.runtime.forks import Forks
from mindbot.runtime.generation import Generation
from mindbot.runtime.health import HealthWatch
from mindbot.runtime.hosting import Later
from mindbot.runtime.intake import Intake
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.logs import LogTail
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.replay_plans import ReplayPlans
from mindbot.runtime.resources.about import AboutResource
from mindbot.runtime.resources.configuration import ConfigResource
from mindbot.runtime.resources.database import DatabaseResource
from mindbot.runtime.resources.datasets import DatasetResource
from mindbot.runtime.resources.dead_letters import DeadLetterResource
from mindbot.runtime.resources.debugger import DebuggerResource
from mindbot.runtime.resources.failures import FailureResource
from mindbot.runtime.resources.forks import ForkResource
from mindbot.runtime.resources.injection import Injection
from mindbot.runtime.resources.jury import JuryResource
from mindbot.runtime.resources.kept import MediaResource, SecretResource
from mindbot.runtime.resources.logs import LogResource
from mindbot.runtime.resources.platforms import PlatformResource
from mindbot.runtime.resources.providers import ProviderResource
from mindbot.runtime.resources.questions import Questions
from mindbot.runtime.resources.queue import QueueResource
from mindbot.runtime.resources.replays import ReplayResource
from mindbot.runtime.resources.rollbacks import RollbackResource
from mindbot.runtime.resources.routes import RouteResource
from mindbot.runtime.resources.sessions import SessionResource
from mindbot.runtime.resources.take_overs import TakeOverResource
from mindbot.runtime.resources.traces import TraceResource
from mindbot.runtime.resources.turns import TurnResource
from mindbot.runtime.resources.workflows import WorkflowResource
from mindbot.runtime.stats import Stats
from mindbot.runtime.take_over import TakeOvers
from mindbot.workflows.running.background import WorkflowBackground


@dataclass(frozen=True, slots=True)
class Resources:
    """One object a resource; the server's routes each ask one."""

    about: AboutResource
    platforms: PlatformResource
    providers: ProviderResource
    workflows: WorkflowResource
    datasets: DatasetResource
    routing: RouteResource
    turns: TurnResource
    traces: TraceResource
    debugger: DebuggerResource
    replays: ReplayResource
    jury: JuryResource
    forks: ForkResource
    sessions: SessionResource
    take_overs: TakeOverResource
    rollbacks: RollbackResource
    dead_letters: DeadLetterResource
    queue: QueueResource
    failures: FailureResource
    secrets: SecretResource
    config: ConfigResource
    database: DatabaseResource
    logs: LogResource
    media: MediaResource


def offered(
    *,
    current: Callable[[], Generation],
    phase: Callable[[], str],
    stats: Stats,
    bus: Bus,
    store: Store,
    dispatcher: Dispatcher,
    outbox: Outbox,
    board: HealthBoard,
    watch: HealthWatch,
    bots: Bots,
    intake: Intake,
    secrets: SecretLookup,
    media: SpooledMedia,
    log_tail: LogTail,
    endings: Endings,
    later: Later,
    on_show: OnShow,
    take_overs: TakeOvers,
    stop: Callable[[str], bool],
    background: WorkflowBackground,
    debugging: Debugging,
    state_dir: Path,
    started_with: Config,
) -> Resources:
    """Make them of the runtime's parts. ``phase`` returns starting, running or draining; ``stop`` ends an
    answer that is being made, by its turn's id."""
    questions = Questions(store, dispatcher)
    later.listeners.append(Feedback(current, questions).heard)
    letters = DeadLetterResource(store, dispatcher, outbox, questions, watch.settled, later.decided)
    forks = Forks(store.history, store.keep)
    injection = Injection(bots, media, intake, forks, lambda: phase() == "draining")
    turns = TurnResource(bus, store.outbox, bots, questions, endings, injection, later)
    plans = ReplayPlans(forks, bots)
    replays = ReplayResource(
        current, questions, plans, intake, lambda: phase() == "draining", turns.wait_turn
    )
    debugger = DebuggerResource(debugging, questions, take_overs)
    return Resources(
        about=AboutResource(
            current,
            phase,
            bus,
            stats,
            store,
            dispatcher,
            outbox,
            board,
            background,
            watch,
            take_overs,
            debugging,
        ),
        platforms=PlatformResource(bots, secrets, injection),
        providers=ProviderResource(current, store.spending),
        workflows=WorkflowResource(current, background.shadows),
        datasets=DatasetResource(current, media),
        routing=RouteResource(current, questions),
        turns=turns,
        traces=TraceResource(turns),
        debugger=debugger,
        replays=replays,
        jury=JuryResource(replays, debugger),
        forks=ForkResource(current, questions, forks),
        sessions=SessionResource(bots, store.history, questions, take_overs),
        take_overs=TakeOverResource(
            take_overs, bots, questions, dispatcher, outbox, on_show, injection, stop
        ),
        rollbacks=RollbackResource(store.history, questions, lambda: current().workflows),
        dead_letters=letters,
        queue=QueueResource(dispatcher, outbox),
        failures=FailureResource(store, questions, letters),
        secrets=SecretResource(secrets, lambda: current().providers.standing.forgive_keys(quota=True)),
        config=ConfigResource(current, started_with, secrets),
        database=DatabaseResource(store, state_dir),
        logs=LogResource(log_tail),
        media=MediaResource(media),
    )

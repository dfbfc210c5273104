"""What the server needs of the thing it serves: one small protocol a resource, each asked by one route file.

`mindbot.runtime.resources` satisfies them; tests bring a small fake. Shapes of the rows:
`mindbot.domain.shapes`, which the routes publish as `mindbot.api.models`. Errors: `mindbot.domain.errors`;
`errors.py` maps them to status codes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mindbot.bus import Bus
from mindbot.domain.ports.platform import Receive, Webhook
from mindbot.domain.shapes.daemon import (
    BotJson,
    ChangeJson,
    CheckedJson,
    CheckJson,
    ComponentJson,
    ConfigValuesJson,
    FileJson,
    LogLineJson,
    ReloadedJson,
    StatusJson,
)
from mindbot.domain.shapes.providers import ModelJson, ProviderJson, SpentJson
from mindbot.domain.shapes.turns import (
    ChunkJson,
    ClearedJson,
    DeadLetterJson,
    DoneJson,
    SessionJson,
    SpanJson,
    TakenBackJson,
    TransferredJson,
    TurnJson,
    TurnLineJson,
)
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

if TYPE_CHECKING:
    from mindbot.config.load import Loaded
    from mindbot.runtime.strays import Strays

#: Makes a set of webhooks the ones that are called back; raises ConfigError and changes nothing when a
#: port cannot be bound.
Bind = Callable[[Sequence[Webhook]], Awaitable[None]]


class About(Protocol):
    """The daemon at a glance."""

    def status(self) -> StatusJson:
        """Everything at a glance."""

    def health(self) -> list[ComponentJson]:
        """One entry a component."""

    def metrics(self) -> bytes:
        """Prometheus text format."""


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


class Turns(Protocol):
    """Turns, and test messages."""

    async def list_turns(self, *, filter: str = "", limit: int = 50, before: str = "") -> list[TurnLineJson]:
        """Newest first, from the one before ``before``; raises for a filter that does not parse."""

    async def get_turn(self, turn: str) -> TurnJson:
        """Everything known of a turn; raises NotFound."""

    async def get_spans(self, turn: str) -> list[SpanJson]:
        """A turn's steps, its deliveries last; raises NotFound."""

    async def take_back(self, turn: str) -> list[TakenBackJson]:
        """Take back what a turn sent; raises NotFound, Invalid, Conflict."""

    async def inject(
        self,
        *,
        text: str,
        platform: str,
        bot: str,
        user: str,
        session: str,
        files: Sequence[str],
        stream: bool,
    ) -> str:
        """Take a message as if its platform had sent it; returns the turn's id once it is on disk.

        With ``stream`` whoever brought it watches the answer grow.

        Empty ``bot``, ``user`` and ``session`` mean the defaults. Raises NotFound for an unknown bot,
        StoreError when it could not be written.
        """

    async def wait_turn(self, turn: str, timeout: float) -> TurnJson:
        """Return the turn when it is done; raises TimedOut after ``timeout`` seconds."""

    async def wait_sent(self, turn: str, timeout: float) -> TurnJson:
        """Return the turn when its deliveries are sent or given up, or as it is after ``timeout`` seconds."""

    def watch_turn(self, turn: str) -> AsyncGenerator[ChunkJson | DoneJson, None]:
        """Yield the pieces of its answer while it runs, then the turn."""


class Sessions(Protocol):
    """Conversations."""

    async def list_sessions(self, *, limit: int = 100, before: str = "") -> list[SessionJson]:
        """The most recently active first."""

    async def transfer(self, session: str, to: str) -> TransferredJson:
        """Hand a session over; raises NotFound, Invalid, Conflict, VendorError."""

    async def clear_session(self, session: str) -> ClearedJson:
        """Let what was said in a session be forgotten; raises NotFound, StoreError."""


class DeadLetters(Protocol):
    """What was given up on."""

    async def list_dead_letters(self, limit: int = 100) -> list[DeadLetterJson]:
        """Newest first."""

    async def retry_dead_letter(self, id: str) -> None:
        """Put it back into the outbox; raises NotFound."""

    async def discard_dead_letter(self, id: str) -> None:
        """Forget it; raises NotFound."""


class Secrets(Protocol):
    """MindBot's keyring."""

    async def set_secret(self, name: str, value: str) -> None:
        """Keep a secret in MindBot's keyring; raises SecretError."""

    async def list_secrets(self) -> list[str]:
        """Names only."""

    async def delete_secret(self, name: str) -> None:
        """Remove a secret; raises NotFound."""


class Configuration(Protocol):
    """The configuration in force."""

    def config(self) -> ConfigValuesJson:
        """Every effective value and its origin, secrets masked."""

    async def unreadable_secrets(self, loaded: Loaded) -> list[str]:
        """A line for each secret of a configuration that cannot be read."""

    def changes(self, loaded: Loaded) -> list[ChangeJson]:
        """What another configuration would change."""

    def waiting(self, loaded: Loaded) -> list[str]:
        """The settings in which it differs from what the daemon started with, and only a restart applies."""


class Database(Protocol):
    """The database as a whole."""

    async def backup(self) -> Path:
        """A copy of the database, proved, in a file that the caller deletes; raises StoreError."""


class Logs(Protocol):
    """The daemon's log."""

    def logs(self, *, limit: int = 200, filter: str = "") -> list[LogLineJson]:
        """The last lines that match, oldest first; raises BadFilter."""

    def log_levels(self) -> dict[str, str]:
        """By logger; the root's name is empty."""

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        """Change some; raises Invalid."""


class Media(Protocol):
    """Files for messages."""

    async def upload(self, chunks: AsyncIterable[bytes], name: str) -> FileJson:
        """Keep a file; raises Invalid, StoreError."""


class Backend(Protocol):
    """The resources of the running MindBot, by the names that `deps` knows."""

    @property
    def about(self) -> About: ...
    @property
    def platforms(self) -> Platforms: ...
    @property
    def providers(self) -> Providers: ...
    @property
    def workflows(self) -> Workflows: ...
    @property
    def datasets(self) -> Datasets: ...
    @property
    def routing(self) -> Routing: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def config(self) -> Configuration: ...
    @property
    def database(self) -> Database: ...
    @property
    def logs(self) -> Logs: ...
    @property
    def media(self) -> Media: ...


class Runtime(Protocol):
    """The running MindBot, open as long as its context is."""

    #: Where everything that happens is published.
    bus: Bus

    @property
    def resources(self) -> Backend:
        """What the local API asks."""

    @property
    def receive(self) -> Receive:
        """Takes a message from a platform; returns once it is on disk."""

    @property
    def strays(self) -> Strays:
        """Where the public ports count what is nobody's."""

    def webhooks(self) -> Sequence[Webhook]:
        """The bots that are called back over HTTP."""

    async def use(self, loaded: Loaded, bind: Bind) -> list[str]:
        """Build a new generation, check it, ``await bind(its webhooks)``, then swap.

        Returns the settings that only a restart applies. Raises ConfigError, and whatever ``bind`` raises;
        the old generation then stays.
        """

    async def drain(self, timeout: float) -> bool:
        """Take nothing new and let running turns finish, for at most ``timeout`` seconds; did all finish?"""


#: Opens a runtime for a configuration and a state directory.
Opener = Callable[["Loaded", Path], AbstractAsyncContextManager[Runtime]]


class Host(Protocol):
    """The daemon around the runtime, which is there before and after it."""

    #: starting, running or draining
    phase: str

    @property
    def runtime(self) -> Runtime:
        """Raises Unreachable while it is not open."""

    async def when_open(self) -> Runtime:
        """The same, once it is open; waits for a start of some seconds, then raises Unreachable."""

    async def check(self) -> CheckedJson:
        """Read the configuration again without using it, and tell what it is worth."""

    async def reload(self) -> ReloadedJson:
        """Read the configuration again and use it.

        Raises ConfigError, Conflict while the daemon starts or stops; the old configuration then stays.
        """

"""The apps of a Dify server: each key is one, and the key decides what kind of app it is.

Sources: Service API, "Get application information", "Get application parameters"; the node types and titles
are those of workflow events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json

Mode = Literal["chat", "agent-chat", "agent", "advanced-chat", "workflow", "completion"]
#: Kinds that keep conversations.
CHATS = frozenset({"chat", "agent-chat", "agent", "advanced-chat"})
#: Kinds that have nodes, and whose runs can be listened to again.
FLOWS = frozenset({"advanced-chat", "workflow"})
#: Kinds by what a key begins with, as in ``app-chatflow-orders``.
PREFIXES: Mapping[str, Mode] = {
    "app-chat-": "chat",
    "app-agent-": "agent-chat",
    "app-newagent-": "agent",
    "app-chatflow-": "advanced-chat",
    "app-workflow-": "workflow",
    "app-completion-": "completion",
}


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SimForm(_Described):
    """What a ``human-input`` node asks. ``expires`` is in seconds."""

    content: str = "Please decide."
    inputs: tuple[Json, ...] = ()
    actions: tuple[Json, ...] = (
        {"id": "approve", "title": "Approve", "button_style": "primary"},
        {"id": "reject", "title": "Reject", "button_style": "default"},
    )
    expires: float = 3600.0


class SimNode(_Described):
    """One step of a graph. ``ms`` it takes; ``fails`` with these words, after ``retries`` more tries.

    ``branches`` are run side by side, ``each`` is run ``times`` times. A node with a ``form`` waits for a
    person. The last node of type ``llm`` or ``agent`` says the answer; without one it comes after all nodes.
    """

    title: str = "LLM"
    type: str = "llm"
    ms: float = Field(0.0, ge=0)
    fails: str = ""
    excused: bool = Field(False, description="Whether the run goes on after its failure.")
    retries: int = Field(0, ge=0)
    outputs: Json | None = None
    tools: tuple[Json, ...] = Field((), description="What an agent node logs: label and data.")
    branches: tuple[tuple[SimNode, ...], ...] = ()
    each: tuple[SimNode, ...] = ()
    times: int = Field(1, ge=1)
    form: SimForm | None = None


_PLACE = re.compile(r"\{(\w+)\}")
_SPEAKING = frozenset({"llm", "agent"})
_GRAPH = (SimNode(title="Start", type="start"), SimNode(), SimNode(title="End", type="end"))


class DifySimApp(_Described):
    """One app.

    ``answer`` is what it says where no script says otherwise; ``{name}``, ``{text}``, ``{user}``, ``{turn}``
    (the number of the message in its conversation) and ``{form}`` (what was decided) are put in.
    """

    name: str
    key: str = ""
    mode: Mode | None = Field(None, description="Nothing: the endpoint that is called decides.")
    answer: str = "{name}: {text}"
    latency: float = Field(0.0, ge=0, description="Seconds before it begins to answer.")
    nodes: tuple[SimNode, ...] = _GRAPH
    tools: tuple[Json, ...] = Field((), description="Of an agent: tool, input and observation of each.")
    user_input_form: tuple[Json, ...] = ()
    parameters: Json = Field(default_factory=dict, description="Besides those that all have.")
    output_key: str = "answer"
    chunks: bool = Field(True, description="Whether a workflow streams its text.")
    replaced: str = Field("", description="What moderation puts in place of the answer.")
    speaks: bool = Field(False, description="Whether audio follows the last event.")
    pictures: tuple[str, ...] = Field((), description="URLs of pictures that a tool drew.")
    sources: tuple[Json, ...] = Field((), description="Retriever resources of its answers.")
    suggested: tuple[str, ...] = ()

    def said(self, **known: Any) -> str:
        """Return its answer with what is known put in."""
        words = {"name": self.name, **known}
        return _PLACE.sub(lambda place: str(words.get(place[1], place[0])), self.answer)

    def variable(self, kind: str) -> list[Json]:
        """Return the variables of one kind that a run may be given."""
        return [form[kind] for form in self.user_input_form if kind in form]


def described(name: str, fields: Mapping[str, Any], before: DifySimApp | None = None) -> DifySimApp:
    """Return an app from its description, which changes one that is there.

    Raises:
        ConfigError: the description has something wrong.
    """
    known = before.model_dump() if before else {"key": f"app-{name}"}
    try:
        return DifySimApp.model_validate({**known, "name": name, **fields})
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ConfigError(f"the app {name!r} cannot be made: {where}: {first['msg']}") from exc


class AppShelf:
    """All apps by key. Unless ``strict`` a key that nobody knows is an app as well."""

    def __init__(self, first: DifySimApp, apps: Mapping[str, Mapping[str, Any]], *, strict: bool) -> None:
        """``first`` is the app of the key that the simulator tells."""
        self._strict = strict
        self._apps = {first.key: first}
        for name, fields in apps.items():
            self.define(name, fields)

    def define(self, name: str, fields: Mapping[str, Any]) -> DifySimApp:
        """Make an app, or change one; raises ConfigError."""
        before = next((app for app in self._apps.values() if app.name == name), None)
        app = described(name, fields, before)
        if before is not None and before.key != app.key:
            del self._apps[before.key]
        self._apps[app.key] = app
        return app

    def of_key(self, key: str) -> DifySimApp | None:
        """Return the app of a key; None for a key that is refused."""
        found = self._apps.get(key)
        if found is not None or self._strict or not key:
            return found
        mode = next((mode for prefix, mode in PREFIXES.items() if key.startswith(prefix)), None)
        return self._apps.setdefault(key, DifySimApp(name=key.removeprefix("app-"), key=key, mode=mode))

    def all(self) -> list[DifySimApp]:
        return list(self._apps.values())


def speaking(nodes: tuple[SimNode, ...]) -> SimNode | None:
    """Return the node that says the answer."""
    last = None
    for node in nodes:
        if node.type in _SPEAKING:
            last = node
        for inner in (*node.branches, node.each):
            last = speaking(inner) or last
    return last

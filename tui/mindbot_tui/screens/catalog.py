"""Views by name, imported when they are first shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from mindbot_tui.screens.view import View

_VIEWS = {
    "platforms": "mindbot_tui.screens.platforms:Platforms",
    "sessions": "mindbot_tui.screens.sessions:Sessions",
    "dead": "mindbot_tui.screens.dead_letters:DeadLetters",
    "config": "mindbot_tui.screens.config:Configuration",
    "logs": "mindbot_tui.screens.logs:Logs",
    "providers": "mindbot_tui.screens.providers:Providers",
    "workflows": "mindbot_tui.screens.workflows:Workflows",
    "routes": "mindbot_tui.screens.routes:Routes",
    "bundles": "mindbot_tui.screens.bundles:Bundles",
    "queue": "mindbot_tui.screens.queue:Queue",
    "debugger": "mindbot_tui.screens.debugger:Debugger",
    "breakpoints": "mindbot_tui.screens.breakpoints:Breakpoints",
    "metrics": "mindbot_tui.screens.metrics:Metrics",
    "bus": "mindbot_tui.screens.bus:BusScreen",
    "diagram": "mindbot_tui.screens.diagram:Diagram",
    "database": "mindbot_tui.screens.database:DatabaseScreen",
    "api": "mindbot_tui.screens.api:ApiScreen",
    "events": "mindbot_tui.screens.events:Events",
    "help": "mindbot_tui.screens.help:Help",
}
#: Views of one thing, which they are given by its name or id.
_SUBJECTS = {
    "turn": "mindbot_tui.screens.turn:TurnScreen",
    "provider": "mindbot_tui.screens.provider:ProviderScreen",
    "workflow": "mindbot_tui.screens.workflow:WorkflowScreen",
    "conversation": "mindbot_tui.screens.conversation:ConversationScreen",
    "diff": "mindbot_tui.screens.diff:DiffScreen",
    "jury": "mindbot_tui.screens.jury:JuryScreen",
    "bundle": "mindbot_tui.screens.bundle:BundleScreen",
}


def view_of(name: str, subject: str = "") -> View:
    """Return a new view of that name, of a subject where it takes one."""
    module, _, cls = (_SUBJECTS[name] if subject else _VIEWS[name]).partition(":")
    make: Callable[..., View] = getattr(import_module(module), cls)
    return make(subject) if subject else make()


def contexts() -> dict[str, Sequence[str]]:
    """Return for each view, by name, the contexts of keys that hold in it."""
    found: dict[str, Sequence[str]] = {}
    for where in (*_VIEWS.values(), *_SUBJECTS.values(), "mindbot_tui.screens.flow:Flow"):
        module, _, cls = where.partition(":")
        view: type[View] = getattr(import_module(module), cls)
        found[view.view] = view.contexts
    return found

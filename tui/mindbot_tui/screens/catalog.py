"""Views by name, imported when they are first shown."""

from __future__ import annotations

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
    "help": "mindbot_tui.screens.help:Help",
}


def view_of(name: str) -> View:
    """Return a new view of that name."""
    module, _, cls = _VIEWS[name].partition(":")
    view: View = getattr(import_module(module), cls)()
    return view

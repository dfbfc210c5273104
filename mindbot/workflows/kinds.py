"""Which app runs which kind of workflow; each is loaded where one is asked."""

from __future__ import annotations

from collections.abc import Callable

from mindbot.config.workflows import COZE_KINDS
from mindbot.workflows.apps import App, AppParts
from mindbot.workflows.members import Member

#: Makes an app. Raises ConfigError where its settings are unusable.
Build = Callable[[Member, AppParts], App]


def build(member: Member, parts: AppParts) -> App:
    """Return a workflow's app by its `type`; see `Build`."""
    if member.settings.type in COZE_KINDS:
        from mindbot.workflows.coze.app import CozeApp

        return CozeApp.build(member.workflow, member.settings, member.replica, parts)
    from mindbot.workflows.dify.app import DifyApp

    return DifyApp.build(member.workflow, member.settings, member.replica, parts)

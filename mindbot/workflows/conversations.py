"""The conversations that apps keep at their vendors: begun anew, and gone back to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mindbot.domain.errors import MindBotError
from mindbot.telemetry.redaction import told
from mindbot.workflows.apps import Converses
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member


@dataclass(frozen=True, slots=True)
class AppConversation:
    """One that an app had, of a user; ``why`` nothing was done with it, empty: it was."""

    workflow: str
    replica: str
    user: str
    id: str
    why: str = ""


async def begin_anew(workflows: Workflows, session: str, users: Sequence[str]) -> list[AppConversation]:
    """Let every app begin a conversation anew with these users of a session; return those there were.

    ``users`` are called as apps are told them. An app whose settings or key are unusable is told with why.
    """
    found: list[AppConversation] = []
    for member in _members(workflows):
        for user in users:
            try:
                app = workflows.app(member)
                id = await app.begin_anew(session, user) if isinstance(app, Converses) else ""
            except MindBotError as error:
                found.append(AppConversation(member.workflow, member.replica, user, "", told(error)))
                continue
            if id:
                found.append(AppConversation(member.workflow, member.replica, user, id))
    return found


async def go_back(
    workflows: Workflows, session: str, before: Sequence[AppConversation]
) -> list[AppConversation]:
    """Go on with the conversations that there were before, where no other was begun since."""
    members = {(each.workflow, each.replica): each for each in _members(workflows)}
    return [await _back(workflows, session, each, members) for each in before if each.id]


async def _back(
    workflows: Workflows, session: str, before: AppConversation, members: dict[tuple[str, str], Member]
) -> AppConversation:
    why = ""
    member = members.get((before.workflow, before.replica))
    if member is None:
        why = "the app is not there any more"
    else:
        try:
            app = workflows.app(member)
            back = isinstance(app, Converses) and await app.go_back(session, before.user, before.id)
            why = "" if back else "another conversation was begun since"
        except MindBotError as error:
            why = told(error)
    return AppConversation(before.workflow, before.replica, before.user, before.id, why)


def _members(workflows: Workflows) -> Iterator[Member]:
    for members in workflows.members.values():
        yield from members

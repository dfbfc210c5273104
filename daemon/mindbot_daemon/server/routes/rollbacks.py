"""The last exchanges of a session: no history any more, and again."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import rollback_models
from mindbot.domain.shapes.rollbacks import RolledBackJson
from mindbot_daemon.server.deps import OPERATOR, RollbacksDep, UserDep

router = APIRouter(prefix="/sessions", tags=["sessions"], dependencies=OPERATOR)


@router.post("/{session:path}/rollback", response_model=rollback_models.RolledBackView)
async def roll_back(
    session: str, order: rollback_models.RollBack, rollbacks: RollbacksDep, user: UserDep
) -> RolledBackJson:
    """Let the last exchanges be shown to no model any more; the turns stay to be seen.

    Conversations that apps keep at their vendors begin anew.
    """
    return await rollbacks.roll_back(session, order.exchanges, order.turns, dry_run=order.dry_run, by=user)


@router.post("/{session:path}/restore", response_model=rollback_models.RolledBackView)
async def restore(session: str, rollbacks: RollbacksDep, user: UserDep) -> RolledBackJson:
    """Let what was rolled back last be shown to models again."""
    return await rollbacks.restore(session, by=user)

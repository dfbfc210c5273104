"""Juries: several models or workflows asked the same."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import jury_models as models
from mindbot.domain.shapes.jury import JurorJson, JuryJson
from mindbot_daemon.server.deps import OPERATOR, JuryDep

router = APIRouter(prefix="/turns", tags=["debugger"])


@router.post("/{turn}/jury", response_model=models.JuryView, dependencies=OPERATOR)
async def ask_jury(turn: str, order: models.AskJury, jury: JuryDep) -> JuryJson:
    """Ask several models or workflows what they would answer in a turn, each on a fork of its own: nothing of
    it is sent. A turn that is parked is asked about as it was edited, and stays parked."""
    jurors: list[JurorJson] = [{"workflow": each.workflow, "model": each.model} for each in order.jurors]
    return await jury.ask(turn, jurors, order.timeout)

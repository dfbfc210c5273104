"""Conversations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mindbot.api import models, take_over_models
from mindbot.domain.shapes.take_overs import HandedBackJson, SaidJson, TakenJson, TakingJson
from mindbot.domain.shapes.turns import ClearedJson, SessionJson, TransferredJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, OperatorDep, SessionsDep, TakeOversDep

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("", response_model=list[models.SessionView], dependencies=VIEWER)
async def list_sessions(
    sessions: SessionsDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[
        str, Query(max_length=64, description="`last` of the last session of the page before.")
    ] = "",
) -> list[SessionJson]:
    """The most recently active first. Their turns: `/v1/turns?filter=session == "…"`."""
    return await sessions.list_sessions(limit=limit, before=before)


@router.get("/taken", response_model=list[take_over_models.TakenSessionView], dependencies=VIEWER)
async def list_taken(take_overs: TakeOversDep) -> list[TakenJson]:
    """Those in which an operator answers in the bot's place, the first ones first."""
    return take_overs.list_taken()


@router.post("/{session:path}/take", response_model=take_over_models.TakingOver, dependencies=OPERATOR)
async def take(
    session: str, order: take_over_models.TakeSession, operator: OperatorDep, take_overs: TakeOversDep
) -> TakingJson:
    """Answer in the bot's place from now on: the bot is mute, and users' messages are kept.

    A group is taken as a whole by its own session, ``platform:bot:group``. 409 where another operator has it,
    or the platform's own people; with ``force`` one takes it from another place of one's own, and an admin
    from anybody.
    """
    return await take_overs.take(session, operator, running=order.running, force=order.force)


@router.post("/{session:path}/say", response_model=take_over_models.OperatorsWords, dependencies=OPERATOR)
async def say(
    session: str, words: take_over_models.SayWords, operator: OperatorDep, take_overs: TakeOversDep
) -> SaidJson:
    """Say something in a session that one has taken; on disk when this answers, and said once."""
    return await take_overs.say(session, operator, text=words.text, files=words.files, key=words.key)


@router.post("/{session:path}/hand-back", response_model=take_over_models.HandedBack, dependencies=OPERATOR)
async def hand_back(
    session: str, order: take_over_models.HandBack, operator: OperatorDep, take_overs: TakeOversDep
) -> HandedBackJson:
    """Let the bot answer again, or (``to``) the platform's own people."""
    return await take_overs.hand_back(session, operator, to=order.to, force=order.force)


@router.post("/{session:path}/transfer", response_model=models.Transferred, dependencies=OPERATOR)
async def transfer(session: str, order: models.Transfer, sessions: SessionsDep) -> TransferredJson:
    """Hand a session to people (``pool``, or a person's user id), back to the ``bot``, or ``end`` it."""
    return await sessions.transfer(session, order.to)


@router.post("/{session:path}/clear", response_model=models.Cleared, dependencies=OPERATOR)
async def clear(session: str, sessions: SessionsDep) -> ClearedJson:
    """Let the bot forget what was said so far: no model is shown it again. The turns stay to be seen."""
    return await sessions.clear_session(session)

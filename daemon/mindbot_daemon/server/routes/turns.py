"""Turns: list, look, trace, and send a test message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Annotated

from anyio import current_time, fail_after
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from mindbot.api import models
from mindbot.api.errors import problem_of
from mindbot.domain.errors import MindBotError, TimedOut
from mindbot.domain.plain import dumps
from mindbot.domain.shapes.daemon import FailedJson
from mindbot.domain.shapes.turns import (
    AcceptedJson,
    ChunkJson,
    DoneJson,
    SpanJson,
    TakenBackJson,
    TurnJson,
    TurnLineJson,
    TurnPageJson,
)
from mindbot_daemon.server.answers import Answer, said
from mindbot_daemon.server.asked import while_asked
from mindbot_daemon.server.backend import Turns
from mindbot_daemon.server.deps import OPERATOR, VIEWER, TurnsDep

router = APIRouter(prefix="/turns", tags=["turns"])

_SENT = 2.0  # seconds a test message waits for its reply to be delivered


@router.get("", response_model=list[models.TurnSummary], dependencies=VIEWER)
async def list_turns(
    turns: TurnsDep,
    filter: Annotated[str, Query(max_length=4096, description="An expression, e.g. took > 5s.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Annotated[str, Query(max_length=64, description="The last turn of the page before.")] = "",
) -> list[TurnLineJson]:
    """Newest first, looked for 20 s at most; `/v1/turns/page` tells how far back."""
    return await turns.list_turns(filter=filter, limit=limit, before=before)


@router.get("/page", response_model=models.TurnPage, dependencies=VIEWER)
async def find_turns(
    turns: TurnsDep,
    request: Request,
    filter: Annotated[str, Query(max_length=4096, description="An expression, e.g. took > 5s.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Annotated[str, Query(max_length=64, description="`next` of the page before.")] = "",
    patience: Annotated[float, Query(ge=0, le=60, description="Seconds to look for them.")] = 2.0,
) -> TurnPageJson:
    """Newest first, with how far back was looked and where to go on."""
    look = partial(turns.find_turns, filter=filter, limit=limit, before=before, patience=patience)
    return await while_asked(request, look)


@router.get("/{turn}", response_model=models.TurnView, dependencies=VIEWER)
async def get_turn(turn: str, turns: TurnsDep) -> TurnJson:
    """Everything known of a turn, as it is at this moment."""
    return await turns.get_turn(turn)


@router.get("/{turn}/spans", response_model=list[models.SpanView], dependencies=VIEWER)
async def get_spans(turn: str, turns: TurnsDep) -> list[SpanJson]:
    """A turn's steps with their times, its deliveries last."""
    return await turns.get_spans(turn)


@router.post("/{turn}/take-back", response_model=list[models.TakenBack], dependencies=OPERATOR)
async def take_back(turn: str, turns: TurnsDep) -> list[TakenBackJson]:
    """Take what a turn sent off the screens again, the newest delivery first; says what stays and why."""
    return await turns.take_back(turn)


@router.post(
    "",
    response_model=models.TurnView,
    dependencies=OPERATOR,
    responses={
        200: {"content": {"application/x-ndjson": {}}},
        202: {"model": models.TurnView, "description": "not waited for: id and state only"},
    },
)
async def send(message: models.SendMessage, turns: TurnsDep, request: Request) -> Response | TurnJson:
    """Send a test message through the whole pipeline, as that user.

    Answers with the finished turn, and waits two seconds more for the platform to take the reply; with
    ``wait`` false at once (202); with ``stream`` with JSON lines, see `models.StreamLine`.
    """
    turn = await turns.inject(
        text=message.text,
        platform=message.platform,
        bot=message.bot,
        user=message.user,
        session=message.session,
        files=message.files,
        stream=message.stream,
        dry_run=message.dry_run,
    )
    request.state.turn = turn
    if message.stream:
        lines = _lines(turns, turn, message.timeout)
        return StreamingResponse(lines, media_type="application/x-ndjson")
    if not message.wait:
        return Answer({"id": turn, "state": "queued"}, 202)
    found = await turns.wait_turn(turn, message.timeout)
    if any(each["state"] in ("pending", "sending") for each in found["deliveries"]):
        return await turns.wait_sent(turn, _SENT)
    return found


async def _lines(turns: Turns, turn: str, timeout: float) -> AsyncIterator[bytes]:
    """Stream a turn; what goes wrong after the first line can only be said in a line."""
    yield _line(AcceptedJson(type="accepted", turn=turn))
    deadline = current_time() + timeout
    try:
        async with aclosing(turns.watch_turn(turn)) as updates:
            while True:
                with fail_after(deadline - current_time()):
                    update = await anext(updates, None)
                if update is None:
                    return
                yield _line(update)
    except TimeoutError:
        late = TimedOut(f"turn {turn} is not done after {timeout:g}s", hint=f"see: mindbot trace {turn}")
        yield _line(_failed(late, turn))
    except MindBotError as error:
        yield _line(_failed(error, turn))


def _failed(error: MindBotError, turn: str) -> FailedJson:
    return {"type": "error", "problem": said(problem_of(error, turn))}


def _line(value: AcceptedJson | ChunkJson | DoneJson | FailedJson) -> bytes:
    return dumps(value) + b"\n"

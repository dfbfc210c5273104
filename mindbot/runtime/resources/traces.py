"""Traces for operators: what models and workflows were asked, and how two turns differ."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import anyio

from mindbot.domain.shapes.traces import TurnDiffJson, TurnRequestsJson
from mindbot.domain.shapes.turns import TurnJson
from mindbot.runtime.traces.diff import diff
from mindbot.runtime.traces.requests import requests_of


class KnowsTurns(Protocol):
    """Who tells everything of a turn, with what is secret in it masked."""

    async def get_turn(self, turn: str) -> TurnJson:
        """Raises NotFound, Invalid."""


class TraceResource:
    """Answers ``/v1/turns/{turn}/requests`` and ``/v1/turns/{turn}/diff/{other}``."""

    def __init__(self, turns: KnowsTurns) -> None:
        self._turns = turns

    async def requests(self, turn: str) -> TurnRequestsJson:
        """Return what a turn asked models and workflows, as it left; raises NotFound, Invalid."""
        found = await self._turns.get_turn(turn)
        requests = await anyio.to_thread.run_sync(requests_of, found)
        return {"turn": found["id"], "requests": requests}

    async def diff(self, turn: str, other: str) -> TurnDiffJson:
        """Return how another turn differs from one; raises NotFound, Invalid."""
        a, b = await self._turns.get_turn(turn), await self._turns.get_turn(other)
        return await anyio.to_thread.run_sync(partial(diff, a, b))

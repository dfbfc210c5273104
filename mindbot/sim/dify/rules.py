"""How the server itself behaves: what differs between versions of Dify."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DifyServerRules:
    """``run_header``: the header `X-Workflow-Run-ID` of streamed runs with nodes. ``first_ping``: their first
    bytes; newest servers have both. ``event_ids``: an ``id:`` line in each event. ``escaped``: text comes
    in ``\\u`` escapes. A ping comes after ``ping_every`` seconds of quiet; after ``silence`` of them
    the stream ends without a word. ``long_404``: what Flask-RESTX adds to a 404 (1.10.0). A document can be
    found ``indexing`` seconds after it came.
    """

    run_header: bool = True
    first_ping: bool = True
    event_ids: bool = False
    escaped: bool = False
    ping_every: float = 10.0
    silence: float = 300.0
    long_404: bool = False
    indexing: float = 0.0

"""Calls of the API as its description tells of them, and as they are typed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mindbot.domain.errors import Invalid
from mindbot_daemon.server.app import create_app
from mindbot_daemon.server.roles import Roles
from mindbot_daemon.server.stream.hub import Hub
from mindbot_tui.state.operations import Operation, curl, operations, read_call


@pytest.fixture(scope="module")
def described() -> dict[str, Operation]:
    found = operations(create_app(cast(Any, None), Roles(), Hub()).openapi())
    return {f"{each.method} {each.path}": each for each in found}


def test_every_call_of_the_daemon_is_told_of(described: dict[str, Operation]) -> None:
    assert {"GET /v1/turns", "POST /v1/turns", "DELETE /v1/secrets/{name}", "GET /v1/database/backup"} <= {
        *described
    }
    assert all(each.does for each in described.values())
    turns = described["GET /v1/turns"]
    assert "limit" in turns.takes and not turns.file and turns.body is None
    assert described["GET /v1/database/backup"].file and described["GET /v1/metrics"].file


def test_a_body_to_fill_in_has_what_it_must_have(described: dict[str, Operation]) -> None:
    assert described["POST /v1/database/query"].body == {"sql": ""}
    assert described["POST /v1/turns"].line.startswith('POST /v1/turns {"text": ')


def test_a_call_is_read_as_it_is_typed() -> None:
    assert read_call(" get  /v1/turns?limit=5 ") == ("GET", "/v1/turns?limit=5", None)
    assert read_call('POST /v1/turns {"text": "a b"}') == ("POST", "/v1/turns", {"text": "a b"})
    for wrong in (
        "",
        "GET",
        "HEAD /v1/x",
        "GET http://elsewhere/",
        "GET /v1/turns/{turn}",
        "POST /v1/turns {text",
    ):
        with pytest.raises(Invalid):
            read_call(wrong)


def test_a_call_as_a_command_line_is_quoted() -> None:
    assert curl("GET", "/v1/turns?filter=a b", None) == (
        "curl --unix-socket \"$MINDBOT_SOCKET\" 'http://mindbot/v1/turns?filter=a b'"
    )
    said = curl("POST", "/v1/turns", {"text": "it's"})
    assert said.startswith('curl --unix-socket "$MINDBOT_SOCKET" -X POST -H') and "it'\"'\"'s" in said

"""The published description against the app: whatever it allows to be sent gets what it says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fake_runtime import FakeRuntime
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mindbot.domain.errors import NotFound, SecretError
from mindbot.domain.message import Json
from mindbot_daemon.server.app import create_app
from mindbot_daemon.server.roles import Peer, Roles
from mindbot_daemon.server.stream.hub import Hub

pytestmark = pytest.mark.full


class Told(FakeRuntime):
    """A fake that knows its errors, as the runtime does."""

    async def list_turns(self, *, filter: str = "", limit: int = 50, before: str = "") -> list[Json]:
        if before and before not in self.turns:
            raise NotFound(f"no turn {before}")
        return await super().list_turns(filter=filter, limit=limit, before=before)

    async def set_secret(self, name: str, value: str) -> None:
        raise SecretError("the keyring is locked")


class FakeHost:
    """A daemon that runs."""

    phase = "running"

    def __init__(self) -> None:
        self.runtime = Told()

    async def when_open(self) -> Told:
        return self.runtime

    async def check(self) -> Json:
        return {"ok": True}

    async def reload(self) -> Json:
        return {"generation": 2}


def described() -> Any:
    app = create_app(FakeHost(), Roles(), Hub())

    async def by_root(scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})["peer"] = Peer(1, 0, frozenset())
        await app(scope, receive, send)

    return schemathesis.openapi.from_asgi("/v1/openapi.json", by_root)


schema = described()


def no_surprise(context: Any, response: Any, case: Any) -> None:
    """Nothing a client sends is an error nobody expected. (504 and 503 are answers.)"""
    assert response.status_code != 500, response.text


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: Any) -> None:
    if isinstance(case.body, dict):
        case.body = {
            k: min(v, 1) if k == "timeout" and isinstance(v, int | float) else v for k, v in case.body.items()
        }
    case.call_and_validate(
        checks=[
            no_surprise,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ]
    )


def test_every_operation_is_explained_and_says_how_it_fails() -> None:
    for path, operations in schema.raw_schema["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path}"
            assert operation["responses"]["default"]["content"]["application/json"], f"{method} {path}"

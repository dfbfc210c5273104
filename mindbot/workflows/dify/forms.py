"""Forms that people fill in before a run goes on: what they ask, who answered them, how they are answered.

Source: Dify Service API, "Human input". A form is answered once; its token and the ids of its run are all
that is needed for that, so a form outlives the turn and the process that met it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import anyio

from mindbot.domain.errors import Conflict, MindBotError, NetworkFailed, NotFound, Overloaded, Rejected
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.workflows.dify.client import DifyClient, part

#: Seconds that it is known who answered a form.
_KEPT = 30 * 24 * 3600.0
_MOST = 50  # forms of one run
_AGAIN = (0.0, 0.5, 1.0)  # seconds before each try to send an answer: it counts but once
_PASSING = (NetworkFailed, Overloaded)


def form_of(doc: Json, ids: Mapping[str, str]) -> Json:
    """Return the form that an event asks for, as `WorkflowPaused` has it; empty for one without a token."""
    data = doc.get("data")
    if not isinstance(data, dict) or not isinstance(token := data.get("form_token"), str) or not token:
        return {}
    actions = [each for each in _list(data.get("actions")) if isinstance(each, dict) and each.get("id")]
    return {
        "form_token": token,
        "node": str(data.get("node_title") or data.get("node_id") or ""),
        "content": str(data.get("form_content") or ""),
        "inputs": [_input(each) for each in _list(data.get("inputs")) if isinstance(each, dict)],
        "defaults": data.get("resolved_default_values") or {},
        "actions": [{"id": str(a["id"]), "title": str(a.get("title") or a["id"])} for a in actions],
        "expires": data.get("expiration_time") or 0,
        "ids": dict(ids),
    }


def _input(field: Json) -> Json:
    name = field.get("output_variable_name") or field.get("variable") or field.get("name") or ""
    return {**field, "name": str(name)}


def _list(value: Any) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


class WaitedForms:
    """See the module. ``keep`` is on disk; ``name`` is the workflow's."""

    def __init__(self, name: str, keep: Keep) -> None:
        self._name = name
        self._keep = keep

    async def note(self, run: str, forms: Collection[Json]) -> None:
        """Keep which forms a run waits for: a server need not tell it again. Raises StoreError."""
        if forms:
            known = {each["form_token"]: each for each in await self.of(run)}
            known |= {each["form_token"]: each for each in forms}
            await self._keep.put(f"dify:forms:{run}", {"forms": list(known.values())}, ttl=_KEPT)

    async def of(self, run: str) -> list[Json]:
        """Return the forms that a run was known to wait for; raises StoreError."""
        found = await self._keep.get(f"dify:forms:{run}")
        return list((found or {}).get("forms", ()))

    async def open(self, forms: Collection[Json]) -> list[Json]:
        """Return those that nobody has answered; raises StoreError."""
        return [each for each in forms if not await self._keep.get(_answered(each["form_token"]))]

    async def answer(
        self,
        client: DifyClient,
        token: str,
        action: str,
        inputs: Mapping[str, Any],
        *,
        user: str,
        turn: int,
        deadline: float,
    ) -> Literal["sent", "known"]:
        """Send what a person chose. ``known``: this turn has done so before.

        Raises:
            Conflict: another turn has answered it, or Dify says that it was answered.
            NotFound: its time is over, or Dify does not know it.
            VendorError: it was refused, or may not have arrived; the turn may try again.
            StoreError: who answers it cannot be kept.
        """
        error: MindBotError = NotFound(f"{self._name}: this form is unknown")
        before = await self._keep.get(_answered(token))
        if before and before.get("turn") != turn:
            raise Conflict(f"{self._name}: this form was answered already", hint="the first answer counts")
        await self._keep.put(_answered(token), {"turn": turn, "action": action}, ttl=_KEPT)
        body: Json = {"inputs": dict(inputs), "action": action, "user": user}
        path = f"/form/human_input/{part(token)}"
        for wait in _AGAIN:
            await anyio.sleep(wait)
            try:
                await client.send("POST", path, body=body, deadline=deadline)
            except _PASSING as exc:
                before, error = before or {"turn": turn}, exc
            except Rejected as exc:
                if before:  # it had arrived, though nobody could know
                    return "known"
                error = self._refused(exc)
                break
            else:
                return "sent"
        if not isinstance(error, Conflict):
            await self._keep.put(_answered(token), None)
        raise error

    def _refused(self, error: Rejected) -> MindBotError:
        told = f"{error.code} {error.message}".lower()
        if "submitted" in told:
            return Conflict(f"{self._name}: this form was answered already", hint="the first answer counts")
        if "expired" in told or error.code in ("412", "not_found", "404"):
            return NotFound(
                f"{self._name}: the time of this form is over", hint="ask again from the beginning"
            )
        return error


def _answered(token: str) -> str:
    return f"dify:answered:{token}"

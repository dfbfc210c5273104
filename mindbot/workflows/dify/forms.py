"""Forms that people fill in before a run goes on: what they ask, who answered them, how they are answered.

Source: Dify Service API, "Human input". A form is answered once; its token and the ids of its run are all
that is needed for that, so a form outlives the turn and the process that met it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import anyio
import structlog

from mindbot.domain.errors import (
    Conflict,
    MindBotError,
    NetworkFailed,
    NotFound,
    Overloaded,
    Rejected,
    StoreError,
)
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.workflows.dify.client import DifyClient, part

#: Seconds that it is known who answered a form.
_KEPT = 30 * 24 * 3600.0
_MOST = 50  # forms of one run
_AGAIN = (0.0, 0.5, 1.0)  # seconds before each try to send an answer: it counts but once
_PASSING = (NetworkFailed, Overloaded)
_log = structlog.get_logger(__name__)


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
        """Return those that Dify is not known to have an answer to; raises StoreError."""
        known = {each["form_token"]: await self._keep.get(_answered(each["form_token"])) for each in forms}
        return [each for each in forms if not (known[each["form_token"]] or {}).get("sent")]

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
    ) -> str:
        """Send what a person chose; return the action that counts.

        That is the one of an earlier turn, or process, where Dify has it already and nobody has read what the
        run said to it: nothing is sent then, and this turn is to go on with the run.

        Raises:
            Conflict: another turn has answered it and read the answer, or Dify says that it was answered.
            NotFound: its time is over, or Dify does not know it.
            VendorError: it was refused, or may not have arrived; the turn may try again.
            StoreError: who answers it cannot be kept.
        """
        before = await self._keep.get(_answered(token)) or {}
        if before.get("read") and before["turn"] != turn:
            raise Conflict(f"{self._name}: this form was answered already", hint="the first answer counts")
        known: Json = {"turn": turn, "action": before.get("action", action), "sent": bool(before.get("sent"))}
        await self._note_answer(token, known)
        if not known["sent"]:
            body: Json = {"inputs": dict(inputs), "action": action, "user": user}
            known["action"] = await self._send(client, token, body, before, deadline)
            await self._note_answer(token, {**known, "sent": True})
        return str(known["action"])

    async def _send(self, client: DifyClient, token: str, body: Json, before: Json, deadline: float) -> str:
        """Send an answer, which counts but once; raises as `answer`. ``before`` may have arrived."""
        lost: MindBotError | None = None
        for wait in _AGAIN:
            await anyio.sleep(wait)
            try:
                await client.send("POST", f"/form/human_input/{part(token)}", body=body, deadline=deadline)
            except _PASSING as exc:
                lost = exc
            except Rejected as exc:
                error = self._refused(exc)
                if isinstance(error, Conflict | NotFound) and (before or lost):
                    return str(before.get("action", body["action"]))  # it had arrived, though nobody knew
                if not before and not lost and not isinstance(error, Conflict):
                    await self._keep.put(_answered(token), None)
                raise error from None
            else:
                return str(body["action"])
        assert lost is not None
        raise lost

    async def was_read(self, token: str) -> None:
        """Note that what the run said to an answer has been read. A disk that takes nothing costs none."""
        try:
            known = await self._keep.get(_answered(token)) or {}
            await self._note_answer(token, {**known, "read": True})
        except StoreError as exc:
            _log.warning("the answer to a form is not on disk", workflow=self._name, error=str(exc))

    async def _note_answer(self, token: str, known: Json) -> None:
        await self._keep.put(_answered(token), known, ttl=_KEPT)

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

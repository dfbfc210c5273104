"""A run of a published bot: one chat of v3 in the session's conversation.

Sources: coze.cn "Chat v3", "Retrieve chat", "List messages of a chat", "Cancel chat", "Create
conversation"; cozepy 0.20.0. Of the error codes only 4000, 4104 and 5000 are certain; 4016 and 4200 are as
clients in the field name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from functools import partial
from typing import Any

from mindbot.deadlines import now
from mindbot.domain.chat import Chunk, Chunks, Usage
from mindbot.domain.errors import NetworkFailed, Overloaded, RateLimited, Rejected, Truncated, VendorError
from mindbot.domain.message import Json
from mindbot.providers.errors import refusal_in_stream
from mindbot.providers.shared.counts import count
from mindbot.providers.shared.coze_tokens import told
from mindbot.providers.shared.documents import NamedDocument
from mindbot.providers.wires.coze_wire import CozeAnswer
from mindbot.workflows.asked import filled, to_upload
from mindbot.workflows.coze.inputs import MARK, file_part, question, variables
from mindbot.workflows.coze.run import PASSING, CozeRun

_BUSY = "4016"  # the conversation has a chat that is still in progress
_UNKNOWN = "4200"
_SILENCE = 30.0  # seconds after which a stream counts as cut: the chat is asked for by its id instead
_ROWS = 20
_SLACK = 2.0  # seconds: Coze's times are whole ones
_LOOKS = 3
_UNASKED = 10.0  # seconds that a chat is looked for while nobody can be asked, where it may never have begun


class CozeBotRun(CozeRun):
    """See the module and `CozeRun`."""

    _conversation = ""
    _asked: Json
    _renewed = False

    # --- from the start

    async def started(self) -> Chunks:
        """See `CozeRun.started`."""
        self._conversation = await self._talk()
        body = await self._body()
        self.starts += 1
        await self.known.start(self._conversation, self.app.identity())
        self.call.tell("/v3/chat", body)
        answer = CozeAnswer(self.client.name, hide=self.client.hide)
        opened = partial(
            self.client.stream,
            "/v3/chat",
            body,
            deadline=self.deadline,
            silence=_SILENCE,
            query={"conversation_id": self._conversation},
        )
        try:
            async with aclosing(self.listen(opened, answer)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except VendorError as exc:
            # Once a chat has begun, what became of it says its own state, not an error of the stream.
            self.over = self.over or (not self.known.ids and _is_word_of_coze(exc))
            raise
        last = answer.end()
        if last.finish == "length":  # we read no more of it, but it goes on
            self.client.left(self.deadline)
            await self._stop()
        self.over = True
        if last.finish == "tool_calls":
            raise await self._wants_tools([call.name for call in last.tool_calls])
        yield last

    async def _talk(self) -> str:
        """Return the conversation to ask in: the session's, created once; empty for a call of its own."""
        if not self.call.conversation:
            return ""
        if found := await self.app.conversation(self.call):
            return found
        body = {"bot_id": self.settings.bot_id}
        doc = await self.client.send("POST", "/v1/conversation/create", body=body, deadline=self.deadline)
        id_ = told(self.client.name, doc.get("data"), "id")
        await self.app.keep_conversation(self.call, id_)
        return id_

    async def _body(self) -> Json:
        files = []
        sent = to_upload(self.call.files)
        for file in self.call.files:
            id_ = await self.client.upload(file, self.deadline) if file in sent else ""
            files.append(file_part(file, id_))
        self._asked = question(self.call.text, files, self._mark)
        body: Json = {
            "bot_id": self.settings.bot_id,
            "user_id": self.call.user,
            "stream": True,
            "auto_save_history": True,  # what is not saved cannot be asked for again
            "additional_messages": [self._asked],
        }
        if inputs := filled(self.settings.inputs, self.turn, self.call):
            body["custom_variables"] = variables(inputs)
        return body

    @property
    def _mark(self) -> str:
        return f"{self.turn.id}:{self.call.key}:{self.known.number}"

    async def see(self, doc: object) -> None:
        """See `CozeRun.see`; the first event has the ids."""
        if isinstance(doc, NamedDocument) and isinstance(data := doc.doc, dict):
            if doc.event == "conversation.chat.created":
                await self.known.know(_ids(data.get("conversation_id"), data.get("id")))
            self.over = self.over or doc.event == "conversation.chat.failed"
        await super().see(doc)

    async def _wants_tools(self, names: Iterable[str]) -> VendorError:
        """End a chat that waits for outputs of tools, which nobody here has; return the failure."""
        self.over = False
        await self._stop()
        self.over = True
        wanted = ", ".join(names) or "a tool"
        hint = "give the bot plugins that Coze runs itself, or use a provider of type coze with tools"
        message = f"{self.client.name}: the bot waits for outputs of local tools ({wanted})"
        return Rejected(message, hint=hint, code="requires_action")

    # --- what broke off

    async def find(self, *, patient: bool = False) -> None:
        """See `CozeRun.find`: the question stands in the conversation, with the id of its chat."""
        conversation = self.known.conversation or self._conversation
        if self.known.ids or not conversation:
            return
        missed, ends = 0, now() + _UNASKED
        while missed < _LOOKS:
            query = {"conversation_id": conversation}
            try:
                doc = await self.client.send(
                    "POST",
                    "/v1/conversation/message/list",
                    body={"order": "desc", "limit": _ROWS},
                    query=query,
                    deadline=self.deadline,
                )
            except PASSING:
                if not patient and now() >= ends:
                    raise
                await self.looks()
                continue
            except VendorError:
                return
            rows = doc.get("data")
            for row in rows if isinstance(rows, list) else ():
                if isinstance(row, dict) and self._is_mine(row):
                    await self.known.know(_ids(conversation, row.get("chat_id")))
                    self.notes["found"] = True
                    return
            missed += 1
            await self.looks()

    def _is_mine(self, row: Json) -> bool:
        """Tell whether a message is the question of the start that was lost."""
        if row.get("role") != "user" or not row.get("chat_id"):
            return False
        marks = row.get("meta_data")
        if isinstance(marks, dict) and MARK in marks:
            return bool(marks[MARK] == self._mark)
        at = row.get("created_at")
        late = isinstance(at, int | float) and at + _SLACK >= self.known.started
        return late and row.get("content") == self.call.text

    async def mends(self, error: VendorError) -> bool:
        """See `CozeRun.mends`: a conversation has one chat at a time, and may be gone."""
        if error.code == _BUSY:
            self.notes["waited"] = self.notes.get("waited", 0) + 1
            await self.looks()
            return True
        if error.code == _UNKNOWN and self._conversation and not self.known.ids and not self._renewed:
            self._renewed = self.notes["renewed"] = True
            await self.app.forget_conversation(self.call)
            await self.known.over(str(error))
            return True
        return False

    async def recovered(self) -> Chunks:
        """See `CozeRun.recovered`."""
        ids = self.known.ids
        self.notes["recovered"] = True
        while True:
            try:
                doc = await self.client.send("POST", "/v3/chat/retrieve", query=ids, deadline=self.deadline)
            except PASSING:
                await self.looks()
                continue
            chat = doc.get("data")
            status = chat.get("status") if isinstance(chat, dict) else ""
            if status not in ("created", "in_progress"):
                break
            await self.looks()
        self.over = True
        assert isinstance(chat, dict)
        if status == "failed":
            raise refusal_in_stream(self.client.name, chat.get("last_error"), hide=self.client.hide)
        if status == "requires_action":
            raise await self._wants_tools(())
        if status != "completed":
            raise Rejected(f"{self.client.name}: the chat was ended ({status})", code=str(status))
        yield Chunk(await self._answer(ids), afresh=True)
        yield Chunk(finish="stop", usage=_usage(chat.get("usage")))

    async def _answer(self, ids: dict[str, str]) -> str:
        while True:
            try:
                doc = await self.client.send(
                    "GET", "/v3/chat/message/list", query=ids, deadline=self.deadline
                )
                break
            except PASSING:
                await self.looks()
        rows = doc.get("data")
        answers = [
            row["content"]
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
            and row.get("type") == "answer"
            and row.get("content_type", "text") == "text"
            and isinstance(row.get("content"), str)
        ]
        return "\n\n".join(filter(None, answers))

    async def stop(self) -> None:
        """See `CozeRun.stop`; a chat that has just ended is none to cancel (4104)."""
        try:
            await self.client.send("POST", "/v3/chat/cancel", body=self.known.ids, deadline=self.deadline)
        except Rejected as exc:
            if exc.code != "4104":
                raise


def _ids(conversation: Any, chat: Any) -> dict[str, str]:
    found = {"conversation_id": conversation, "chat_id": chat}
    return found if all(isinstance(value, str) and value for value in found.values()) else {}


def _usage(used: Any) -> Usage | None:
    if not isinstance(used, dict):
        return None
    asked, said = count(used.get("input_count")) or 0, count(used.get("output_count")) or 0
    return Usage(asked, said) if asked or said else None


def _is_word_of_coze(exc: VendorError) -> bool:
    """Tell whether it is a refusal by one of Coze's codes, not what something in between said."""
    if isinstance(exc, NetworkFailed | Truncated):
        return False
    told = exc.code.isdigit() and len(exc.code) > 3  # three are a status of HTTP's
    return told or not isinstance(exc, Overloaded | RateLimited)

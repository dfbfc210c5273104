"""The official Python SDK of Coze does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT BOT [MORE…].
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import cozepy
from cozepy.chat import ToolOutput
from cozepy.request import AsyncHTTPClient

BASE_URL, KEY, WHAT, BOT, *MORE = sys.argv[1:]
WHO = {"bot_id": BOT, "user_id": "u1"}
asked = cozepy.Message.build_user_question_text


def near(auth: Any = None) -> cozepy.AsyncCoze:
    auth = auth or cozepy.AsyncTokenAuth(KEY)
    return cozepy.AsyncCoze(auth=auth, base_url=BASE_URL, http_client=AsyncHTTPClient(trust_env=False))


async def listened(events: Any) -> Any:
    """Return what a stream says, and the chat it ends with."""
    said, thought, names, chat = "", "", [], None
    async for event in events:
        names.append(str(event.event.value))
        if event.event == cozepy.ChatEventType.CONVERSATION_MESSAGE_DELTA:
            said += event.message.content
            thought += event.message.reasoning_content or ""
        chat = event.chat or chat
    return {"said": said, "thought": thought, "names": names, "chat": chat and chat.model_dump(mode="json")}


async def plain() -> Any:
    coze = near()
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "a.png"
        picture.write_bytes(b"\x89PNG\r\n\x1a\n")
        file = await coze.files.upload(file=picture)
    parts = [
        cozepy.MessageObjectString.build_text("look"),
        cozepy.MessageObjectString.build_image(file_id=file.id),
    ]
    question = cozepy.Message.build_user_question_objects(parts)
    chat = await coze.chat.create(**WHO, additional_messages=[question])
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    while chat.status == cozepy.ChatStatus.IN_PROGRESS:
        chat = await coze.chat.retrieve(**ids)
    messages = await coze.chat.messages.list(**ids)
    return {
        "file": file.file_name,
        "chat": chat.model_dump(mode="json"),
        "messages": [[message.type.value, message.content] for message in messages],
    }


async def stream() -> Any:
    coze = near()
    room = await coze.conversations.create(bot_id=BOT, messages=[asked("before")])
    question = [asked("你好, wide world")]
    found = await listened(coze.chat.stream(**WHO, additional_messages=question, conversation_id=room.id))
    kept = [m.content async for m in await coze.conversations.messages.list(conversation_id=room.id)]
    return {**found, "kept": kept}


async def tools() -> Any:
    coze = near()
    question = [asked('call add({"a": 1}) and call add({"a": 2})')]
    first = await listened(coze.chat.stream(**WHO, additional_messages=question))
    chat = first["chat"]
    calls = chat["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = [ToolOutput(tool_call_id=c["id"], output=c["function"]["arguments"]) for c in calls]
    ids = {"conversation_id": chat["conversation_id"], "chat_id": chat["id"]}
    second = await listened(coze.chat.submit_tool_outputs_stream(**ids, tool_outputs=outputs))
    return [first, second]


async def jwt() -> Any:
    """Get a token for a JWT; the app is MORE: its id, its key's id, its key."""
    app, key_id, key = MORE
    auth = cozepy.AsyncJWTAuth(client_id=app, private_key=key, public_key_id=key_id, base_url=BASE_URL)
    return await listened(near(auth).chat.stream(**WHO, additional_messages=[asked("hello")]))


async def error() -> Any:
    try:
        await near().chat.create(**WHO, additional_messages=[asked("hi")])
    except cozepy.CozeAPIError as exc:
        return [exc.code, exc.msg, bool(exc.logid)]
    return None


async def canceled() -> Any:
    coze = near()
    chat = await coze.chat.create(**WHO, additional_messages=[asked("hi")])
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    status = (await coze.chat.cancel(**ids)).status.value
    try:
        again = await coze.chat.create(
            **WHO, additional_messages=[asked("hi")], conversation_id=chat.conversation_id
        )
    except cozepy.CozeAPIError as exc:
        return [status, exc.code]
    return [status, again.status.value]


async def flow_listened(events: Any) -> Any:
    """Return what a stream of a workflow says, what it asks, and how it fails."""
    said, asked, failed = [], None, None
    async for event in events:
        if event.message:
            said.append([event.message.node_title, event.message.content])
        asked = event.interrupt or asked
        failed = event.error or failed
    return {
        "said": said,
        "asked": asked and asked.model_dump(mode="json"),
        "failed": failed and failed.model_dump(mode="json"),
    }


async def flow() -> Any:
    """Run a workflow (MORE) whole and streamed."""
    runs, given = near().workflows.runs, {"workflow_id": MORE[0], "parameters": {"input": "你好, wide world"}}
    whole = await runs.create(**given)
    streamed = await flow_listened(runs.stream(**given))
    return {"whole": whole.model_dump(mode="json"), "streamed": streamed}


async def flow_asks() -> Any:
    """Answer the question of a workflow (MORE)."""
    runs = near().workflows.runs
    first = await flow_listened(runs.stream(workflow_id=MORE[0], parameters={"input": "hi"}))
    waits = first["asked"]["interrupt_data"]
    told = {"event_id": waits["event_id"], "interrupt_type": waits["type"], "resume_data": "blue"}
    return [first, await flow_listened(runs.resume(workflow_id=MORE[0], **told))]


async def flow_later() -> Any:
    """Run a workflow (MORE) that nobody waits for, and look what became of it."""
    runs = near().workflows.runs
    begun = await runs.create(workflow_id=MORE[0], parameters={"input": "later"}, is_async=True)
    known = {"workflow_id": MORE[0], "execute_id": begun.execute_id}
    row = await runs.run_histories.retrieve(**known)
    while row.execute_status.value == "Running":
        row = await runs.run_histories.retrieve(**known)
    return row.model_dump(mode="json")


async def flow_chat() -> Any:
    """Talk to a workflow (MORE) as to a bot."""
    return await listened(
        near().workflows.chat.stream(workflow_id=MORE[0], additional_messages=[asked("hi")])
    )


print(json.dumps(asyncio.run(globals()[WHAT]())))

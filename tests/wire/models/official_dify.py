"""A Python client of Dify (PyPI dify-client-python) does one thing, and prints what it got as JSON.

Run by the environment of the referees: BASE_URL KEY WHAT [MORE…].
"""

import json
import sys
from typing import Any

import dify_client
from dify_client import errors, models

BASE_URL, KEY, WHAT, *MORE = sys.argv[1:]
NEAR = dify_client.Client(api_key=KEY, api_base=BASE_URL)
WHO = {"user": "u1"}


def shown(model: Any) -> Any:
    return model.model_dump(mode="json")


def chatted(query: str, **more: Any) -> list[Any]:
    request = models.ChatRequest(query=query, response_mode="streaming", **WHO, **more)
    return [shown(event) for event in NEAR.chat_messages(request)]


def chat() -> Any:
    """Ask with a picture, streamed and whole, go on with the conversation, rate, and look at suggestions."""
    picture = ("dot.png", b"\x89PNG\r\n\x1a\n", "image/png")
    file = NEAR.upload_files(picture, models.UploadFileRequest(**WHO))
    part = models.File(type="image", transfer_method="local_file", upload_file_id=file.id)
    first = chatted("你好, wide world", files=[part])
    number = first[-1]["message_id"]
    talk = first[-1]["conversation_id"]
    second = chatted("and more", conversation_id=talk)
    whole = NEAR.chat_messages(models.ChatRequest(query="whole", response_mode="blocking", **WHO))
    rated = NEAR.feedback_messages(number, models.FeedbackRequest(rating="like", **WHO))
    suggested = NEAR.suggest_messages(number, models.ChatSuggestRequest(**WHO))
    return {
        "file": shown(file),
        "first": first,
        "second": second,
        "whole": shown(whole),
        "rated": rated.result,
        "suggested": suggested.data,
    }


def agent() -> Any:
    return chatted("hello")


def workflow() -> Any:
    """Run streamed and whole."""
    asked = {"inputs": {"query": "你好, wide world"}, **WHO}
    streamed = NEAR.run_workflows(models.WorkflowsRunRequest(response_mode="streaming", **asked))
    events = [shown(event) for event in streamed]
    whole = NEAR.run_workflows(models.WorkflowsRunRequest(response_mode="blocking", **asked))
    return {"events": events, "whole": shown(whole)}


def completion() -> Any:
    asked = {"inputs": {"query": "hello"}, **WHO}
    streamed = NEAR.completion_messages(models.CompletionRequest(response_mode="streaming", **asked))
    events = [shown(event) for event in streamed]
    whole = NEAR.completion_messages(models.CompletionRequest(response_mode="blocking", **asked))
    return {"events": events, "whole": shown(whole)}


def stopped() -> Any:
    """Stop a run after its first piece."""
    request = models.ChatRequest(query="hello " * 50, response_mode="streaming", **WHO)
    names = []
    for event in NEAR.chat_messages(request):
        if not names:
            NEAR.stop_chat_messages(event.task_id, models.StopRequest(**WHO))
        names.append(str(event.event))
    return names


def refused() -> Any:
    """Return a refusal: before a stream as the client raises it, in one as the event it reads."""
    try:
        last = chatted("hello")[-1]
    except errors.DifyAPIError as exc:
        return ["raised", exc.status, exc.code]
    return [last["event"], last["status"], last["code"]]


print(json.dumps(globals()[WHAT]()))

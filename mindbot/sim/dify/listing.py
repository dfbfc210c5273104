"""What can be read: conversations, messages, runs, what an app is. Answers as the Service API shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import FLOWS
from mindbot.sim.dify.asking import DifyCall
from mindbot.sim.dify.desk import DifyDesk
from mindbot.sim.dify.errors import refused
from mindbot.sim.dify.runs import DifyRun
from mindbot.sim.dify.wording import usage

#: Answers a request with JSON.
Listing = Callable[[DifyDesk, DifyCall], Any]
_SORTED = ("created_at", "updated_at", "-created_at", "-updated_at")
_SUCCESS = {"result": "success"}
_KEYWORD = 30  # characters of it that count


def _conversations(desk: DifyDesk, call: DifyCall) -> Json:
    user, limit, last = call.user(), call.whole("limit", 20, 100), call.number("last_id")
    order = call.query.get("sort_by", "-updated_at")
    if order not in _SORTED:
        raise refused("invalid_param", f"sort_by must be one of {', '.join(_SORTED)}")
    mine = [t for t in desk.talks.values() if (t.app, t.user) == (call.app.key, user)]
    by_update = order.endswith("updated_at")
    mine.sort(key=lambda talk: talk.updated if by_update else talk.created)
    if order.startswith("-"):
        mine.reverse()
    begin = 0
    if last:
        places = [at for at, talk in enumerate(mine) if talk.id == last]
        if not places:
            raise refused("not_found", "Last Conversation Not Exists.")
        begin = places[0] + 1
    page = mine[begin : begin + limit]
    return {"limit": limit, "has_more": len(mine) > begin + limit, "data": [t.to_json() for t in page]}


def _messages(desk: DifyDesk, call: DifyCall) -> Json:
    limit, number = call.whole("limit", 20, 100), call.number("conversation_id")
    if not number:
        raise refused("invalid_param", "conversation_id is required")
    user = call.query.get("user", "")
    if not user:
        return {"limit": limit, "has_more": False, "data": []}
    runs = desk.talk(number, call.app, user).runs
    if first := call.number("first_id"):
        places = [at for at, run in enumerate(runs) if run.message == first]
        if not places:
            raise refused("not_found", "First Message Not Exists.")
        runs = runs[: places[0]]
    page = runs[-limit:]
    return {"limit": limit, "has_more": len(runs) > limit, "data": [_message(run) for run in page]}


def _message(run: DifyRun) -> Json:
    failed = run.status == "failed"
    return {
        "id": run.message,
        "conversation_id": run.conversation,
        "parent_message_id": None,
        "inputs": run.inputs,
        "query": run.text,
        "answer": run.said if run.finished else "",
        "status": "error" if failed else "paused" if run.status == "paused" else "normal",
        "error": run.error if failed else None,
        "message_files": [*run.files, *run.drawn],
        "feedback": run.rating,
        "retriever_resources": list(run.app.sources),
        "agent_thoughts": [],
        "extra_contents": [],
        "created_at": int(run.created),
    }


def _name(desk: DifyDesk, call: DifyCall) -> Json:
    talk = desk.talk(call.args["id"], call.app, call.user())
    talk.name = str(call.body.get("name") or "A conversation")
    return talk.to_json()


def _forget(desk: DifyDesk, call: DifyCall) -> None:
    talk = desk.talk(call.args["id"], call.app, call.user())
    del desk.talks[talk.id]


def _variables(desk: DifyDesk, call: DifyCall) -> Json:
    talk = desk.talk(call.args["id"], call.app, call.user())
    found = [{"id": name, "name": name, "value": value} for name, value in talk.variables.items()]
    return {"limit": 20, "has_more": False, "data": found}


def _set_variable(desk: DifyDesk, call: DifyCall) -> Json:
    talk, name = desk.talk(call.args["id"], call.app, call.user()), call.args["variable"]
    if "value" not in call.body:
        raise refused("invalid_param", "value is required")
    talk.variables[name] = call.body["value"]
    return {"id": name, "name": name, "value": talk.variables[name]}


def _rate(desk: DifyDesk, call: DifyCall) -> Json:
    call.user()
    run = desk.message(call.args["id"], call.app)
    rating = call.body.get("rating")
    if rating not in ("like", "dislike", None):
        raise refused("invalid_param", "rating must be like, dislike or null")
    run.rating = {"rating": rating, "content": call.body.get("content")} if rating else None
    return _SUCCESS


def _suggested(desk: DifyDesk, call: DifyCall) -> Json:
    call.user()
    desk.message(call.args["id"], call.app)
    return {**_SUCCESS, "data": list(call.app.suggested)}


def _stop_talk(desk: DifyDesk, call: DifyCall) -> Json:
    desk.stop(call.args["id"], call.app, call.user())
    return _SUCCESS


def _stop_flow(desk: DifyDesk, call: DifyCall) -> Json:
    call.user()
    desk.stop(call.args["id"], call.app, None)
    return _SUCCESS


def _run(desk: DifyDesk, call: DifyCall) -> Json:
    if call.app.mode is not None and call.app.mode not in FLOWS:
        raise refused("not_workflow_app")
    return desk.flow(call.args["id"], call.app).detail()


def _logs(desk: DifyDesk, call: DifyCall) -> Json:
    query, page, limit = call.query, call.whole("page", 1, 99999), call.whole("limit", 20, 100)
    status, user = query.get("status"), query.get("created_by_end_user_session_id")
    word = query.get("keyword", "")[:_KEYWORD]
    since, until = (_moment(query.get(f"created_at__{side}", "")) for side in ("after", "before"))
    found = [
        run
        for run in reversed(desk.runs.values())
        if run.app.key == call.app.key
        and run.mode == "workflow"
        and run.finished
        and status in (None, "", run.status)
        and user in (None, "", run.user)
        and (not word or any(word in part for part in (str(run.inputs), str(run.outputs), run.user)))
        and (since is None or run.created >= since)
        and (until is None or run.created <= until)
    ]
    begin = (page - 1) * limit
    shown = [_log(run) for run in found[begin : begin + limit]]
    more = {"total": len(found), "has_more": len(found) > begin + limit}
    return {"page": page, "limit": limit, **more, "data": shown}


def _moment(text: str) -> float | None:
    """Read a time of the query; raises ModelApiError."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError as exc:
        raise refused("invalid_param", f"{text} is no date") from exc


def _log(run: DifyRun) -> Json:
    detail = run.detail()
    names = (
        "id",
        "status",
        "error",
        "elapsed_time",
        "total_tokens",
        "total_steps",
        "created_at",
        "finished_at",
    )
    user = {"id": f"eu-{run.user}", "type": "service_api", "is_anonymous": False, "session_id": run.user}
    return {
        "id": f"log-{run.workflow_run}",
        "workflow_run": {"version": "1", **{name: detail[name] for name in names}, "exceptions_count": 0},
        "created_from": "service-api",
        "created_by_role": "end_user",
        "created_by_account": None,
        "created_by_end_user": user,
        "created_at": int(run.created),
    }


def _info(desk: DifyDesk, call: DifyCall) -> Json:
    info = {"name": call.app.name, "description": "", "tags": [], "mode": call.app.mode or "chat"}
    return {**info, "author_name": "mindbot"}


def _parameters(desk: DifyDesk, call: DifyCall) -> Json:
    off: Json = {"enabled": False}
    sizes = {"file": 15, "image_file": 10, "audio_file": 50, "video_file": 100}
    limits = {f"{name}_size_limit": most for name, most in sizes.items()}
    image = {**off, "number_limits": 3, "detail": "high", "transfer_methods": ["remote_url", "local_file"]}
    return {
        "opening_statement": "",
        "suggested_questions": [],
        "suggested_questions_after_answer": {"enabled": bool(call.app.suggested)},
        "speech_to_text": off,
        "text_to_speech": {**off, "voice": "", "language": "", "autoPlay": "disabled"},
        "retriever_resource": {"enabled": True},
        "annotation_reply": off,
        "more_like_this": off,
        "sensitive_word_avoidance": off,
        "user_input_form": list(call.app.user_input_form),
        "file_upload": {"image": {**image, "enabled": True}},
        "system_parameters": {**limits, "workflow_file_upload_limit": 10},
        **call.app.parameters,
    }


def _site(desk: DifyDesk, call: DifyCall) -> Json:
    look = {"title": call.app.name, "icon_type": "emoji", "icon": "🤖", "icon_background": "#FFEAD5"}
    return {**look, "default_language": "en-US", "show_workflow_steps": True}


def _submit(desk: DifyDesk, call: DifyCall) -> Json:
    call.user()
    desk.forms.submit(call.args["id"], call.body)
    return {}


#: What answers at once, by method and path.
LISTINGS: Mapping[tuple[str, str], Listing] = {
    ("GET", "/v1/conversations"): _conversations,
    ("GET", "/v1/messages"): _messages,
    ("POST", "/v1/conversations/{id}/name"): _name,
    ("DELETE", "/v1/conversations/{id}"): _forget,
    ("GET", "/v1/conversations/{id}/variables"): _variables,
    ("PUT", "/v1/conversations/{id}/variables/{variable}"): _set_variable,
    ("POST", "/v1/messages/{id}/feedbacks"): _rate,
    ("GET", "/v1/messages/{id}/suggested"): _suggested,
    ("POST", "/v1/chat-messages/{id}/stop"): _stop_talk,
    ("POST", "/v1/completion-messages/{id}/stop"): _stop_talk,
    ("POST", "/v1/workflows/tasks/{id}/stop"): _stop_flow,
    ("GET", "/v1/workflows/run/{id}"): _run,
    ("GET", "/v1/workflows/logs"): _logs,
    ("GET", "/v1/info"): _info,
    ("GET", "/v1/parameters"): _parameters,
    ("GET", "/v1/meta"): lambda desk, call: {"tool_icons": {}},
    ("GET", "/v1/site"): _site,
    ("GET", "/v1/form/human_input/{id}"): lambda desk, call: desk.forms.show(call.args["id"]),
    ("POST", "/v1/form/human_input/{id}"): _submit,
}


def whole(run: DifyRun) -> Json:
    """Return the answer of a blocking call."""
    if run.mode == "workflow":
        detail = run.detail()
        detail.pop("inputs")
        return {"task_id": run.task, "workflow_run_id": run.workflow_run, "data": detail}
    talk = {"conversation_id": run.conversation} if run.conversation else {}
    return {
        "event": "message",
        "task_id": run.task,
        "id": run.message,
        "message_id": run.message,
        **talk,
        "mode": run.mode,
        "answer": run.said,
        "metadata": {"usage": usage(run.reply), "retriever_resources": list(run.app.sources)},
        "created_at": int(run.created),
    }

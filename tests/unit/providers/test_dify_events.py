"""Dify's events as they were seen in the field: each answer once, each failure with its place."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.chat import Chunk
from mindbot.domain.errors import Overloaded, QuotaExceeded, RateLimited, Rejected, Truncated, VendorError
from mindbot.domain.message import Json
from mindbot.providers.wires.dify_wire import DifyAnswer

USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_price": "0.0012", "currency": "USD"}


def event(name: str, **fields: Any) -> Json:
    return {"event": name, "task_id": "t1", "message_id": "m1", "conversation_id": "c1", **fields}


def said(*words: str, by: str = "message") -> list[Json]:
    return [event(by, answer=word) for word in words]


def thought(text: str, *, id: str = "1", tool: str = "", observation: str = "") -> Json:
    return event("agent_thought", id=id, thought=text, tool=tool, observation=observation)


def finished(status: str = "succeeded", **data: Any) -> Json:
    return event("workflow_finished", data={"status": status, "outputs": None, "error": None, **data})


END = event("message_end", metadata={"usage": USAGE})
STARTED = event("workflow_started", data={"id": "w"})


def node(status: str = "succeeded", title: str = "LLM") -> Json:
    return event("node_finished", data={"title": title, "status": status, "outputs": {"text": "raw"}})


def read(*docs: Any) -> tuple[str, Chunk, list[Chunk]]:
    """Return what stands in the chat in the end, the last chunk, and all pieces."""
    answer = DifyAnswer("app")
    pieces: list[Chunk] = []
    for doc in docs:
        if chunk := answer.take(doc, streamed=True):
            pieces.append(chunk)
        if answer.over:
            break
    assert answer.complete
    assert not answer.running
    if chunk := answer.rest():
        pieces.append(chunk)
    shown = ""
    for chunk in pieces:
        shown = chunk.text if chunk.afresh else shown + chunk.text
    return shown, answer.end(), pieces


ORDERS: dict[str, list[Json]] = {
    "chatbot": [*said("hel", "lo"), END],
    "chatflow": [STARTED, node(), *said("hel", "lo"), END, finished(outputs={"answer": "hello"})],
    "chatflow, one event": [STARTED, *said("hello"), node(), END, finished(outputs={"answer": "hello"})],
    "chatflow resumed without pieces": [STARTED, node(), finished(outputs={"answer": "hello"})],
    "chatflow, no pieces, both ends": [STARTED, END, finished(outputs={"answer": "hello"})],
    "workflow": [STARTED, event("text_chunk", data={"text": "hello"}), finished(outputs={"text": "hello"})],
    "workflow of one output": [STARTED, finished(outputs={"summary": "hello", "count": 5})],
    "agent": [
        thought(""),
        *said("hel", by="agent_message"),
        thought("hel"),
        *said("lo", by="agent_message"),
        thought("hello"),
        END,
    ],
    "agent with a tool": [
        thought("", id="1"),
        thought("", id="1", tool="clock"),
        thought("", id="1", tool="clock", observation="noon"),
        *said("hel", "lo", by="agent_message"),
        thought("hello", id="2"),
        END,
    ],
    "agent without pieces": [thought("", id="1"), thought("hel", id="1"), thought("hello", id="1"), END],
    "new agent": [*said("hel", "lo", by="agent_message"), *said("hello"), END],
    "new agent, pieces lost": [*said("hel", by="agent_message"), *said("hello"), END],
    "new agent, other pieces": [*said("helo", by="agent_message"), *said("hello"), END],
    "new agent, whole alone": [*said("hello"), END],
    "moderated": [*said("bad ", "words"), event("message_replace", answer="hello", reason="moderation"), END],
    "moderated and gone on": [
        *said("bad"),
        event("message_replace", answer="hel", reason="annotation"),
        *said("lo"),
        END,
    ],
    "replaced before the first piece": [event("message_replace", answer="hello", reason="x"), END],
    "spoken": [
        *said("hello"),
        event("tts_message", audio="AAAA"),
        END,
        event("tts_message_end", audio=""),
    ],
    "with unknown events": [
        event("from_the_future", answer="no", data={"text": "no"}),
        *said("hello"),
        event("node_retry", data={"text": "no"}),
        END,
    ],
    "partly succeeded": [STARTED, node("exception"), *said("hello"), END, finished("partial-succeeded")],
}


@pytest.mark.parametrize("order", ORDERS)
def test_one_answer_is_shown_once(order: str) -> None:
    shown, last, _ = read(*ORDERS[order])
    assert shown == "hello"
    assert last.finish == "stop"


@pytest.mark.parametrize("order", ["chatbot", "chatflow", "agent", "agent with a tool", "new agent"])
def test_what_was_right_is_not_said_afresh(order: str) -> None:
    assert not any(chunk.afresh for chunk in read(*ORDERS[order])[2])


def test_usage_tells_the_price() -> None:
    usage = read(*ORDERS["chatbot"])[1].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.cost, usage.currency) == (3, 5, 0.0012, "USD")


def test_reasoning_is_told_apart() -> None:
    reasoned = event("reasoning_chunk", data={"reasoning": "hm", "is_final": False})
    shown, _, pieces = read(STARTED, reasoned, *said("hello"), END, finished())
    assert shown == "hello"
    assert "".join(chunk.reasoning for chunk in pieces) == "hm"


FAILED = {"status": "failed", "outputs": None}
ERROR = {"event": "error", "message_id": "m1", "status": 400, "code": "completion_request_error"}


@pytest.mark.parametrize(
    ("docs", "kind", "words"),
    [
        ([STARTED, node("failed", "Look up"), finished("failed", error="no table")], Rejected, "'Look up'"),
        ([STARTED, finished("failed", error="")], Rejected, "failed without saying why"),
        (
            [STARTED, node("failed"), finished("failed", error="Error code: 429 - Rate limit reached")],
            RateLimited,
            "the node 'LLM'",
        ),
        ([*said("so"), {**ERROR, "message": "[openai] it broke"}], Overloaded, "it broke"),
        ([{**ERROR, "code": "provider_quota_exceeded", "message": "exhausted"}], QuotaExceeded, "exhausted"),
        ([STARTED, event("workflow_paused", data={"reasons": []})], Rejected, "a person"),
        ([STARTED, *said("so"), finished("stopped"), END], Truncated, "canceled"),
    ],
)
def test_a_run_that_fails_is_a_failure(docs: list[Json], kind: type[VendorError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        read(*docs)
    assert type(caught.value) is kind
    assert "{" not in str(caught.value)


def test_a_stream_that_ends_before_its_end_is_none() -> None:
    answer = DifyAnswer("app")
    for doc in (STARTED, *said("hello")):
        answer.take(doc, streamed=True)
    assert not answer.complete
    assert answer.running == {"task_id": "t1"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KNOWN = (
    "message agent_message agent_thought message_end message_replace text_chunk reasoning_chunk error"
    " workflow_started workflow_finished node_finished workflow_paused message_file x"
)
NAMES = st.sampled_from(KNOWN.split())
TOLD = "answer data metadata id thought status code message task_id outputs"
FIELDS = st.sampled_from(TOLD.split())
EVENTS = st.dictionaries(FIELDS, VALUES, max_size=5).flatmap(
    lambda fields: NAMES.map(lambda name: {**fields, "event": name})
)


@pytest.mark.full
@given(st.lists(EVENTS | VALUES, max_size=12))
def test_stray_shapes_cost_nothing_but_themselves(docs: list[Any]) -> None:
    answer = DifyAnswer("app")
    try:
        for doc in docs:
            answer.take(orjson.loads(orjson.dumps(doc)), streamed=True)
        if answer.complete:
            answer.rest()
            answer.end()
    except VendorError as exc:
        assert str(exc).startswith("app")

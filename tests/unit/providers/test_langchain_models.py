"""LangChain both ways: lines, tools, stops, errors, and classes of other packages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from types import SimpleNamespace

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core import exceptions
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, FunctionMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import tool

from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatRequest,
    Chunk,
    Chunks,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from mindbot.domain.errors import (
    AuthFailed,
    ConfigError,
    ContextOverflow,
    Invalid,
    NetworkFailed,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Rejected,
    VendorError,
)
from mindbot.providers.langchain.failures import failure
from mindbot.providers.langchain.lines import from_langchain, to_langchain
from mindbot.providers.langchain.model import ProviderChatModel
from mindbot.providers.langchain.provider import LangChainProvider
from mindbot.providers.langchain.settings import LangChainProviderSettings

pytestmark = pytest.mark.anyio
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
CALLS = st.builds(ToolCall, WORDS, WORDS, st.just('{"city":"Bonn"}'))
LINES = st.one_of(
    st.builds(ChatMessage, st.sampled_from(["system", "user"]), WORDS),
    st.builds(lambda text, calls: ChatMessage("assistant", [Text(text), *calls]), WORDS, st.lists(CALLS)),
    st.builds(
        lambda id, name, text, failed: ChatMessage("tool", [ToolResult(id, name, text, failed)]),
        *[WORDS] * 3,
        st.booleans(),
    ),
)


class Says:
    """A provider that yields what it is given, and keeps what it was asked."""

    def __init__(self, *chunks: Chunk | Exception) -> None:
        self.asked: list[ChatRequest] = []
        self._chunks = chunks

    async def chat(self, request: ChatRequest) -> Chunks:
        self.asked.append(request)
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


@given(st.lists(LINES, max_size=6))
def test_lines_come_back_as_they_were(lines: list[ChatMessage]) -> None:
    assert from_langchain(to_langchain(lines)) == lines


def test_pictures_and_files_are_standard_blocks() -> None:
    parts = [
        Text("look"),
        Attachment("image", "image/png", data=b"png"),
        Attachment("file", "application/pdf", "bill.pdf", data=b"pdf"),
        Attachment("image", "image/jpeg", url="https://example.com/a.jpg"),
    ]
    (message,) = to_langchain([ChatMessage("user", parts)])
    assert [block["type"] for block in message.content_blocks] == ["text", "image", "file", "image"]
    (back,) = from_langchain([message])
    assert back.attachments[0].data == b"png"
    assert back.attachments[1].name == "bill.pdf"
    assert back.attachments[2].url == "https://example.com/a.jpg"


def test_broken_arguments_and_sealed_thoughts_go_back_to_their_own() -> None:
    sealed = Reasoning("hm", sealed='{"type":"thinking","thinking":"hm","signature":"s"}', vendor="a")
    line = ChatMessage("assistant", [sealed, Text("so"), ToolCall("1", "add", '{"a": ')])
    (theirs,) = to_langchain([line], "a")
    assert theirs.content[0]["signature"] == "s"
    assert theirs.invalid_tool_calls[0]["args"] == '{"a": '
    (other,) = to_langchain([line], "b")
    assert other.content == "so"


def test_a_kind_of_message_that_nobody_knows_is_named() -> None:
    with pytest.raises(Invalid, match="FunctionMessage"):
        from_langchain([FunctionMessage("x", name="f")])


async def test_tools_are_bound_and_asked_for() -> None:
    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return city

    calls = (ToolCall("1", "weather", '{"city":"Bonn"}'),)
    says = Says(Chunk("Let me look."), Chunk(tool_calls=calls, finish="tool_calls", usage=Usage(3, 2, 1)))
    bound = ProviderChatModel(ask=says.chat).bind_tools([weather], tool_choice="any")
    assert isinstance(bound, Runnable)
    answer = await bound.ainvoke([SystemMessage("Be kind."), HumanMessage("weather?")])
    assert answer.tool_calls[0]["args"] == {"city": "Bonn"}
    assert answer.usage_metadata is not None and answer.usage_metadata["total_tokens"] == 5
    (request,) = says.asked
    assert (request.tools[0].name, request.tool_choice) == ("weather", "required")
    assert request.tools[0].parameters["properties"]["city"]["type"] == "string"


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_stops_are_kept_for_every_vendor(size: int) -> None:
    text = "one two END three"
    pieces = [Chunk(text[at : at + size]) for at in range(0, len(text), size)]
    model = ProviderChatModel(ask=Says(*pieces, Chunk(finish="stop")).chat)
    assert (await model.ainvoke("count", stop=["END", "???"])).content == "one two "
    said = [piece.text async for piece in model.astream("count", stop=["END", "???"])]
    assert "".join(said) == "one two "


async def test_thinking_that_was_shown_as_the_answer_is_not_in_a_whole_one() -> None:
    model = ProviderChatModel(ask=Says(Chunk("hm"), Chunk("42", afresh=True), Chunk(finish="stop")).chat)
    assert (await model.ainvoke("?")).content == "42"


async def test_a_stream_does_not_show_two_answers_as_one() -> None:
    model = ProviderChatModel(ask=Says(Chunk("Once upon"), Chunk("Long ago", afresh=True)).chat)
    seen = ""
    with pytest.raises(exceptions.ModelAPIError, match="broke off"):
        async for piece in model.astream("a story"):
            seen += piece.text
    assert seen == "Once upon"


async def test_what_was_not_yet_shown_is_taken_back() -> None:
    said = Says(Chunk("EN"), Chunk("Long ago", afresh=True), Chunk(finish="stop"))
    model = ProviderChatModel(ask=said.chat)
    assert "".join([piece.text async for piece in model.astream("a story", stop=["END"])]) == "Long ago"


async def test_it_answers_code_that_does_not_wait() -> None:
    model = ProviderChatModel(ask=Says(Chunk("hello", finish="stop")).chat)
    answer = await anyio.to_thread.run_sync(model.invoke, "hi")
    assert answer.content == "hello"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (AuthFailed("x"), exceptions.ModelAuthenticationError),
        (RateLimited("x", retry_after=1), exceptions.ModelRateLimitError),
        (QuotaExceeded("x"), exceptions.ModelRateLimitError),
        (ContextOverflow("x"), exceptions.ContextOverflowError),
        (NetworkFailed("x"), exceptions.ModelConnectionError),
        (Rejected("x"), exceptions.ModelInvalidRequestError),
        (Overloaded("x"), exceptions.ModelAPIError),
    ],
)
async def test_failures_are_langchains_own(ours: VendorError, theirs: type[Exception]) -> None:
    with pytest.raises(theirs):
        await ProviderChatModel(ask=Says(ours).chat).ainvoke("hi")


class Refused(Exception):
    """As vendors' packages raise it."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code, self.body = status, body
        self.response = SimpleNamespace(headers={"retry-after": "7"})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refused(429, {"error": {"code": "insufficient_quota"}}), QuotaExceeded),
        (Refused(429, {"error": {"code": "rate_limit_exceeded"}}), RateLimited),
        (Refused(400, {"error": {"code": "context_length_exceeded"}}), ContextOverflow),
        (Refused(401, None), AuthFailed),
        (exceptions.ModelTimeoutError("slow"), NetworkFailed),
        (exceptions.ContextOverflowError("long"), ContextOverflow),
        (ConnectionResetError("gone"), NetworkFailed),
        (ValueError("what?"), Rejected),
    ],
)
def test_failures_of_their_packages_are_ours(error: Exception, kind: type[VendorError]) -> None:
    found = failure("acme", error)
    assert type(found) is kind and str(found).startswith("acme: ")
    if isinstance(found, RateLimited):
        assert found.retry_after == 7


def a_provider(make: Callable[[str, str], object], **settings: object) -> LangChainProvider:
    told = LangChainProviderSettings.model_validate({"chat_model": "a:B", **settings})
    return LangChainProvider("acme", make, told, SimpleNamespace())  # type: ignore[arg-type]


async def collected(provider: LangChainProvider, request: ChatRequest) -> list[Chunk]:
    async with aclosing(provider.chat(request)) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("stream", [False, True])
async def test_any_chat_model_is_a_provider(stream: bool) -> None:
    fake = GenericFakeChatModel(messages=iter([AIMessage("good morning to you")]))
    chunks = await collected(
        a_provider(lambda n, k: fake), ChatRequest([ChatMessage("user", "hi")], stream=stream)
    )
    assert "".join(chunk.text for chunk in chunks) == "good morning to you"
    assert chunks[-1].finish == "stop"


async def test_one_that_hangs_is_left_after_its_timeout() -> None:
    class Hangs(GenericFakeChatModel):
        async def _agenerate(self, *args: object, **kwargs: object) -> object:
            await anyio.sleep_forever()

    provider = a_provider(lambda n, k: Hangs(messages=iter([])), timeout=0.05)
    with pytest.raises(NetworkFailed, match="acme"):
        await collected(provider, ChatRequest([ChatMessage("user", "hi")]))


async def test_a_class_that_is_not_installed_is_told_with_the_mend() -> None:
    settings = LangChainProviderSettings(chat_model="langchain_nobody:ChatNobody")
    provider = LangChainProvider.build("acme", settings, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="install langchain-nobody"):
        await collected(provider, ChatRequest([ChatMessage("user", "hi")]))


async def test_options_key_and_address_reach_the_class() -> None:
    made: dict[str, object] = {}

    class Keeps(GenericFakeChatModel):
        def __init__(self, **options: object) -> None:
            made.update(options)
            super().__init__(messages=iter([AIMessage("hi")]))

    class Vault:
        async def aget(self, value: object, /) -> str:
            return "sk-fake-0123456789"

    globals()["Keeps"] = Keeps
    settings = LangChainProviderSettings.model_validate(
        {
            "chat_model": f"{__name__}:Keeps",
            "options": {"region": "x"},
            "api_key": "sk-fake-0123456789",
            "key_option": "token",
            "base_url": "http://127.0.0.1:1/v1",
            "models": ["m1"],
        }
    )
    await collected(
        LangChainProvider.build("acme", settings, SimpleNamespace(), Vault()),  # type: ignore[arg-type]
        ChatRequest([ChatMessage("user", "hi")]),
    )
    assert made == {
        "region": "x",
        "token": "sk-fake-0123456789",
        "base_url": "http://127.0.0.1:1/v1",
        "model": "m1",
    }


async def test_a_refused_key_is_looked_up_again() -> None:
    class Vault:
        key = "sk-fake-old"

        async def aget(self, value: object, /) -> str:
            return self.key

    class Refuses(GenericFakeChatModel):
        async def _agenerate(self, *args: object, **kwargs: object) -> object:
            raise exceptions.ModelAuthenticationError("no")

    def make(name: str, key: str) -> GenericFakeChatModel:
        kind = Refuses if key == "sk-fake-old" else GenericFakeChatModel
        return kind(messages=iter([AIMessage("hi")]))

    vault = Vault()
    told = LangChainProviderSettings.model_validate({"chat_model": "a:B", "api_key": "keyring:k"})
    provider = LangChainProvider("acme", make, told, vault)  # type: ignore[arg-type]
    request = ChatRequest([ChatMessage("user", "hi")])
    with pytest.raises(AuthFailed):
        await collected(provider, request)
    vault.key = "sk-fake-new"
    assert (await collected(provider, request))[-1].finish == "stop"

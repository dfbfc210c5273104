"""A provider as LangChain's chat model: for agents, chains and tools that are written for it.

Source: langchain-core 1.x, `langchain_core.language_models.chat_models`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import anyio.from_thread
from langchain_core import exceptions
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Chunks, Tool, Usage
from mindbot.domain.errors import (
    AuthFailed,
    ContextOverflow,
    MindBotError,
    NetworkFailed,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TimedOut,
)
from mindbot.providers.langchain.lines import from_langchain, to_langchain

_ERRORS: tuple[tuple[type[MindBotError], type[exceptions.ModelError]], ...] = (
    (AuthFailed, exceptions.ModelAuthenticationError),
    (RateLimited, exceptions.ModelRateLimitError),
    (QuotaExceeded, exceptions.ModelRateLimitError),
    (ContextOverflow, exceptions.ContextOverflowError),
    (NetworkFailed, exceptions.ModelConnectionError),
    (TimedOut, exceptions.ModelTimeoutError),
    (Rejected, exceptions.ModelInvalidRequestError),
    (MindBotError, exceptions.ModelAPIError),
)
_BROKEN_OFF = (
    "the first answer broke off after some of it had been streamed, and another begins:"
    " ask again, or for a whole answer (ainvoke)"
)


class ProviderChatModel(BaseChatModel):
    """See the module. ``ask`` answers a request: a provider's `chat`, or the manager's.

    Failures are LangChain's own (`ModelError` and its kinds), so that its middleware treats all models alike.
    LangChain cannot take back what a stream has shown. Where an answer broke off and another begins, or what
    was shown turns out to be thinking, the stream ends with `ModelAPIError`, so that nobody takes two answers
    for one. A whole answer (`ainvoke`) holds the last one alone and is the surer way.
    """

    ask: Callable[[ChatRequest], Chunks]
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None

    @property
    def _llm_type(self) -> str:
        return "mindbot"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools that it may call."""
        made = [convert_to_openai_tool(tool)["function"] for tool in tools]
        return self.bind(tools=made, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Answer in a worker thread of the event loop: the connections live there."""
        return anyio.from_thread.run(partial(self._agenerate, messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text, last = "", Chunk()
        async with aclosing(self._chunks(messages, stream=False, **kwargs)) as chunks:
            async for chunk in chunks:
                text = chunk.text if chunk.afresh else text + chunk.text
                last = chunk
        text, stopped = _until(text, stop)
        (message,) = to_langchain([ChatMessage("assistant", last.tool_calls)])
        assert isinstance(message, AIMessage)
        message.content = text
        message.response_metadata = _about(last, stopped=stopped)
        message.usage_metadata = _usage(last.usage)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        held = max(map(len, stop or [])) - 1 if stop else 0
        rest, spoke = "", False
        async with aclosing(self._chunks(messages, stream=True, **kwargs)) as chunks:
            async for chunk in chunks:
                if chunk.afresh:
                    if spoke:
                        raise exceptions.ModelAPIError(_BROKEN_OFF)
                    rest = ""
                rest, stopped = _until(rest + chunk.text, stop)
                last = bool(chunk.finish) or stopped
                said, rest = (rest, "") if last or not held else (rest[:-held], rest[-held:])
                spoke = spoke or bool(said)
                if said or last or chunk.reasoning:
                    made = _chunk(said, chunk, last=last, stopped=stopped)
                    if run_manager is not None and said:
                        await run_manager.on_llm_new_token(said, chunk=made)
                    yield made
                if stopped:
                    return

    async def _chunks(self, messages: list[BaseMessage], *, stream: bool, **kwargs: Any) -> Chunks:
        request = ChatRequest(
            from_langchain(messages),
            model=kwargs.get("model") or self.model,
            temperature=kwargs.get("temperature", self.temperature),
            max_tokens=kwargs.get("max_tokens", self.max_tokens),
            stream=stream,
            tools=tuple(
                Tool(t["name"], t.get("description", ""), t["parameters"]) for t in kwargs.get("tools", ())
            ),
            tool_choice=_choice(kwargs.get("tool_choice")),
        )
        try:
            async with aclosing(self.ask(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except MindBotError as error:
            raise next(theirs for ours, theirs in _ERRORS if isinstance(error, ours))(str(error)) from error


def _choice(choice: Any) -> str:
    """Return a choice of tools in our word; LangChain says "any", and True, for a call that must be."""
    if choice in ("any", True):
        return "required"
    return str(choice or "")


def _until(text: str, stop: list[str] | None) -> tuple[str, bool]:
    """Return a text up to the first stop in it, and whether there was one."""
    found = [at for each in stop or () if each and (at := text.find(each)) >= 0]
    return (text[: min(found)], True) if found else (text, False)


def _chunk(text: str, chunk: Chunk, *, last: bool, stopped: bool) -> ChatGenerationChunk:
    calls = [
        tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=n)
        for n, call in enumerate(chunk.tool_calls)
    ]
    thought = {"reasoning_content": chunk.reasoning} if chunk.reasoning else {}
    message = AIMessageChunk(
        content=text,
        additional_kwargs=thought,
        tool_call_chunks=calls,
        response_metadata=_about(chunk, stopped=stopped) if last else {},
        usage_metadata=_usage(chunk.usage),
        chunk_position="last" if last else None,
    )
    return ChatGenerationChunk(message=message, text=text)


def _about(chunk: Chunk, *, stopped: bool) -> dict[str, Any]:
    finish = "stop" if stopped else chunk.finish_word if chunk.finish == "other" else chunk.finish
    return {"finish_reason": finish, "model_provider": "mindbot", **chunk.notes}


def _usage(usage: Usage | None) -> UsageMetadata | None:
    if usage is None:
        return None
    return UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        input_token_details={"cache_read": usage.cached_tokens},
        output_token_details={"reasoning": usage.reasoning_tokens},
    )

"""Requests of Anthropic's Messages API, read and refused as the API does.

Source: "Messages" in the API reference; "Versions" and "Migrating to API version 2026-10-21".
"""

from __future__ import annotations

import re
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.anthropic.blocks import STRICTER, blocks, said
from mindbot.sim.anthropic.fields import check_types
from mindbot.sim.anthropic.refusals import invalid
from mindbot.sim.models.conversation import ModelQuestion, Utterance

VERSIONS = ("2023-06-01", STRICTER)
_SAMPLING = ("temperature", "top_p", "top_k")
_COUNTED = frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control",
                      "output_config", "speed", "mcp_servers", "context_management"})  # fmt: skip
_FIELDS = _COUNTED | {"max_tokens", "stop_sequences", "stream", "metadata", "service_tier", "container",
                      "diagnostics", "inference_geo", "user_profile_id"}  # fmt: skip
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LEAST_THINKING = 1024  # tokens
_NONE = "-"  # no tool may be called


def question(body: Json, version: str, most: int = 0) -> ModelQuestion:
    """Read a request for an answer of at most ``most`` tokens, or (0) for its count of tokens.

    Raises:
        ModelApiError: it is not one that the real API accepts.
    """
    _check_fields(body, version, _FIELDS if most else _COUNTED)
    check_types(body)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("model: Field required")
    limit = _limit(body, most) if most else 0
    messages = _messages(body)
    thinks = _thinks(body, limit)
    utterances = [*_system(body, version)]
    for i, message in enumerate(messages):
        utterances += said(message, f"messages.{i}", version)
    _check_pairs(messages, thinks)
    tools = _tools(body)
    forced = _forced(body, tools, thinks)
    return ModelQuestion(
        body["model"],
        utterances,
        () if forced == _NONE else tools,
        forced,
        limit,
        tuple(body.get("stop_sequences") or ()),
        thinks,
    )


def _check_fields(body: Json, version: str, known: frozenset[str]) -> None:
    for name in _SAMPLING:
        if name not in body:
            continue
        if version == STRICTER:
            raise invalid(f"{name}: not supported in API version {STRICTER}")
        if not isinstance(body[name], int | float):
            raise invalid(f"{name}: Input should be a valid number")
    for name in sorted(body.keys() - known - set(_SAMPLING)):
        raise invalid(f"{name}: Extra inputs are not permitted")


def _limit(body: Json, most: int) -> int:
    limit = body.get("max_tokens")
    if limit is None:
        raise invalid("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise invalid("max_tokens: Input should be a valid integer")
    if limit < 1:
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    if limit > most:
        raise invalid(
            f"max_tokens: {limit} > {most}, which is the maximum allowed number of output tokens"
            f" for {body['model']}"
        )
    return limit


def _messages(body: Json) -> list[Json]:
    """Return the messages with their content as blocks; neighbours of one role are one message."""
    messages = body.get("messages")
    if messages is None:
        raise invalid("messages: Field required")
    if not isinstance(messages, list):
        raise invalid("messages: Input should be a valid list")
    if not messages:
        raise invalid("messages: at least one message is required")
    merged: list[Json] = []
    for i, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "system":
            raise invalid(
                'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter,'
                ' not "system" as an input message role.'
            )
        if role not in ("user", "assistant"):
            raise invalid(f"messages.{i}.role: Input should be 'user' or 'assistant'")
        for name in sorted(message.keys() - {"role", "content"}):
            raise invalid(f"messages.{i}.{name}: Extra inputs are not permitted")
        content = blocks(message.get("content"), f"messages.{i}.content")
        if not content and (role == "user" or i < len(messages) - 1):
            raise invalid(f"messages.{i}: all messages must have non-empty content")
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"] = [*merged[-1]["content"], *content]
        else:
            merged.append({"role": role, "content": content})
    if merged[0]["role"] != "user":
        raise invalid('messages: first message must use the "user" role')
    return merged


def _system(body: Json, version: str) -> list[Utterance]:
    found = blocks(body.get("system") or [], "system")
    for i, block in enumerate(found):
        if block.get("type") != "text":
            raise invalid(f"system.{i}.type: Input should be 'text'")
        if not block.get("text"):
            raise invalid("system: text content blocks must be non-empty")
    return [Utterance("system", block["text"]) for block in found]


def _thinks(body: Json, limit: int) -> bool:
    thinking: Any = body.get("thinking") or {}
    match thinking.get("type", "disabled"):
        case "disabled":
            return False
        case "adaptive":
            return True
        case "enabled":
            budget = thinking.get("budget_tokens")
            if not isinstance(budget, int):
                raise invalid("thinking.enabled.budget_tokens: Field required")
            if budget < _LEAST_THINKING:
                raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
            if limit and budget >= limit:
                raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
            return True
    raise invalid("thinking: Input tag does not match any of 'enabled', 'disabled', 'adaptive'")


def _check_pairs(messages: list[Json], thinks: bool) -> None:
    """Every tool_use is answered at the head of the next message, and nothing else is."""
    asked: list[str] = []
    for i, message in enumerate(messages):
        leading = _leading_results(message)
        results = [b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"]
        for result in results:
            if result not in asked:
                raise invalid(
                    f"messages.{i}: unexpected `tool_use_id` found in `tool_result` blocks: {result}. Each"
                    " `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
        if len(set(results)) < len(results):
            raise invalid(f"messages.{i}: each tool_use must have a single result")
        _check_all_answered(asked, leading, i - 1)
        asked = [b["id"] for b in message["content"] if b["type"] == "tool_use"]
        if len(set(asked)) < len(asked):
            raise invalid("messages: `tool_use` ids must be unique")
        first = message["content"][0]["type"] if asked else ""
        if thinks and i == len(messages) - 2 and asked and first not in ("thinking", "redacted_thinking"):
            raise invalid(
                f"messages.{i}.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
                f" `{first}`. When `thinking` is enabled, a final `assistant` message must start"
                " with a thinking block."
            )
    _check_all_answered(asked, set(), len(messages) - 1)


def _leading_results(message: Json) -> set[str]:
    """Return which calls the blocks answer with which a message begins."""
    found = set()
    for block in message["content"]:
        if block["type"] != "tool_result":
            break
        found.add(block["tool_use_id"])
    return found


def _check_all_answered(asked: list[str], leading: set[str], i: int) -> None:
    if missing := [each for each in asked if each not in leading]:
        raise invalid(
            f"messages.{i}: `tool_use` ids were found without `tool_result` blocks immediately after:"
            f" {', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in"
            " the next message."
        )


def _tools(body: Json) -> tuple[str, ...]:
    names = []
    for i, tool in enumerate(body.get("tools") or ()):
        if not isinstance(tool, dict):
            raise invalid(f"tools.{i}: Input should be a valid dictionary")
        if tool.get("type", "custom") == "custom":
            name, schema = tool.get("name"), tool.get("input_schema")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise invalid(
                    f"tools.{i}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
                )
            if not isinstance(schema, dict):
                raise invalid(f"tools.{i}.custom.input_schema: Field required")
            if schema.get("type") != "object":
                raise invalid(f"tools.{i}.custom.input_schema.type: Input should be 'object'")
            for extra in sorted(tool.keys() & {"parameters", "function", "inputSchema"}):
                raise invalid(f"tools.{i}.custom.{extra}: Extra inputs are not permitted")
        names.append(str(tool.get("name")))
    if len(set(names)) < len(names):
        raise invalid("tools: Tool names must be unique.")
    return tuple(names)


def _forced(body: Json, tools: tuple[str, ...], thinks: bool) -> str:
    choice = body.get("tool_choice") or {"type": "auto"}
    if not isinstance(choice, dict):
        raise invalid("tool_choice: Input should be a valid dictionary")
    match choice.get("type"):
        case "auto":
            return ""
        case "none":
            return _NONE
        case "any" | "tool" if thinks:
            raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
        case "any" if tools:
            return "*"
        case "tool" if choice.get("name") in tools:
            return str(choice["name"])
        case "any" | "tool":
            raise invalid(f"tool_choice: Tool '{choice.get('name', '')}' not found in provided tools")
    raise invalid("tool_choice: Input tag does not match any of 'auto', 'any', 'tool', 'none'")

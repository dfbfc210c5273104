"""Requests of Gemini's generateContent, read and refused as the API does.

Source: "Generate content" and "Function calling" in the reference of the Gemini API (v1beta).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.gemini import fields as f
from mindbot.sim.gemini.contents import check_calls, parts, said, turns
from mindbot.sim.gemini.refusals import invalid
from mindbot.sim.models.conversation import ModelQuestion, Utterance

_NAME = re.compile(r"[a-zA-Z_][\w.:-]{0,127}", re.ASCII)
_MODES = ("AUTO", "ANY", "NONE", "VALIDATED")


@dataclass(frozen=True, slots=True)
class GeminiQuestion:
    """A request, and whether thoughts are shown."""

    question: ModelQuestion
    shows_thoughts: bool = False


def read(model: str, body: Json, *, strict: bool, signed: bool) -> GeminiQuestion:
    """Read a request; ``signed`` wants the signatures of calls back.

    Raises:
        ModelApiError: it is not one that the real API accepts.
    """
    request = f.fields(body, f.REQUEST, "")
    found = turns(request.get("contents"), strict=strict)
    check_calls(found, signed=signed)
    settings = f.fields(request.get("generationConfig") or {}, f.GENERATION, "generation_config")
    if settings.get("candidateCount", 1) != 1:
        raise invalid("This simulator answers with one candidate.")
    thinking = f.fields(settings.get("thinkingConfig") or {}, f.THINKING, "generation_config.thinking_config")
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise invalid("You can only set only one of thinking budget and thinking level.")
    for i, setting in enumerate(f.items(request.get("safetySettings"), "safety_settings")):
        f.fields(setting, frozenset({"category", "threshold", "method"}), f"safety_settings[{i}]")
    tools = _tools(request.get("tools"))
    tools, forced = _chosen(request.get("toolConfig"), tools)
    question = ModelQuestion(
        model,
        [*_system(request.get("systemInstruction")), *_said(found)],
        tools,
        forced,
        _limit(settings.get("maxOutputTokens")),
        tuple(settings.get("stopSequences") or ()),
        bool(thinking) and thinking.get("thinkingBudget") != 0,
    )
    return GeminiQuestion(question, bool(thinking.get("includeThoughts")))


def _limit(value: Any) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or value < 1:
        raise invalid("* GenerateContentRequest.generation_config.max_output_tokens: must be positive.\n")
    return value


def _system(instruction: Any) -> list[Utterance]:
    if instruction is None:
        return []
    found = f.fields(instruction, f.CONTENT, "system_instruction")
    texts = [part.get("text", "") for part in parts(found.get("parts"), "system_instruction")]
    return [Utterance("system", " ".join(texts))]


def _said(found: list[Json]) -> list[Utterance]:
    """Return what the turns say. Calls without an id are known by their place."""
    utterances: list[Utterance] = []
    asked: list[str] = []
    for i, turn in enumerate(found):
        calls = [part["functionCall"] for part in turn["parts"] if "functionCall" in part]
        own = [call.get("id") or f"{call['name']}@{i}.{j}" for j, call in enumerate(calls)]
        utterances += said(turn, own or asked)
        asked = own
    return utterances


def _tools(value: Any) -> tuple[str, ...]:
    names = []
    for i, each in enumerate(f.items(value, "tools")):
        tool = f.fields(each, f.TOOL, f"tools[{i}]")
        declared = f.items(tool.get("functionDeclarations"), f"tools[{i}].function_declarations")
        for j, declaration in enumerate(declared):
            names.append(_declared(declaration, f"tools[{i}].function_declarations[{j}]"))
    for name in {name for name in names if names.count(name) > 1}:
        raise invalid(f"Duplicate function declaration found: {name}")
    return tuple(names)


def _declared(value: Any, where: str) -> str:
    """Return the name of a function that is offered; raises ModelApiError."""
    found = f.fields(value, f.DECLARATION, where)
    name = found.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(
            f"* GenerateContentRequest.{where}.name: Invalid function name. Must start with a letter or an"
            " underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or"
            " dashes (-), with a maximum length of 128.\n"
        )
    if "parameters" in found and "parametersJsonSchema" in found:
        raise invalid(
            f"* GenerateContentRequest.{where}: set parameters or parameters_json_schema, not both.\n"
        )
    if "parameters" in found:
        f.check_schema(found["parameters"], f"{where}.parameters")
    return name


def _chosen(config: Any, tools: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the tools that may be called, and whether one must be."""
    found = f.fields(config or {}, f.TOOL_CONFIG, "tool_config")
    at = "tool_config.function_calling_config"
    calling = f.fields(found.get("functionCallingConfig") or {}, f.CALLING, at)
    mode, allowed = calling.get("mode", "AUTO"), calling.get("allowedFunctionNames") or []
    if mode not in _MODES:
        raise invalid(f"Invalid value at '{at}.mode', \"{mode}\"")
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise invalid(
            "Function calling config: allowed_function_names is only for the modes ANY and VALIDATED."
        )
    if missing := [name for name in allowed if name not in tools]:
        raise invalid(f"Function calling config: {missing[0]!r} is not one of the declared functions.")
    if mode == "NONE":
        return (), ""
    if mode == "ANY" and not tools:
        raise invalid("Function calling config is set without function_declarations.")
    return tuple(allowed) or tools, "*" if mode == "ANY" else ""

"""Fields of Gemini's requests, in both spellings that Google reads (camelCase and snake_case).

Source: the messages of the Gemini API (v1beta) as the official SDK (google-genai 3.6) writes them.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.gemini.refusals import invalid, unknown_field

REQUEST = frozenset({
    "contents", "systemInstruction", "tools", "toolConfig", "safetySettings",
    "generationConfig", "cachedContent", "labels", "serviceTier", "store", "model",
})  # fmt: skip
CONTENT = frozenset({"role", "parts"})
PART = frozenset({
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "thought",
    "thoughtSignature", "executableCode", "codeExecutionResult", "videoMetadata",
    "mediaResolution", "partMetadata", "toolCall", "toolResponse",
})  # fmt: skip
#: Of these a part holds exactly one.
PART_DATA = frozenset({
    "text", "inlineData", "fileData", "functionCall", "functionResponse",
    "executableCode", "codeExecutionResult", "toolCall", "toolResponse",
})  # fmt: skip
CALL = frozenset({"id", "name", "args", "partialArgs", "willContinue"})
RESPONSE = frozenset({"id", "name", "response", "parts", "willContinue", "scheduling"})
BLOB = frozenset({"mimeType", "data", "displayName"})
TOOL = frozenset({
    "functionDeclarations", "googleSearch", "googleSearchRetrieval", "codeExecution",
    "urlContext", "computerUse", "fileSearch", "googleMaps", "mcpServers",
})  # fmt: skip
DECLARATION = frozenset({
    "name", "description", "parameters", "parametersJsonSchema", "response",
    "responseJsonSchema", "behavior",
})  # fmt: skip
TOOL_CONFIG = frozenset({"functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"})
CALLING = frozenset({"mode", "allowedFunctionNames", "streamFunctionCallArguments"})
GENERATION = frozenset({
    "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences",
    "seed", "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig",
    "logprobs", "presencePenalty", "frequencyPenalty", "responseLogprobs",
    "responseModalities", "speechConfig", "mediaResolution", "imageConfig",
    "responseFormat", "enableEnhancedCivicAnswers",
})  # fmt: skip
THINKING = frozenset({"includeThoughts", "thinkingBudget", "thinkingLevel"})
EMBEDDING = frozenset({"model", "content", "taskType", "title", "outputDimensionality"})
_SCHEMA = frozenset({
    "type", "format", "title", "description", "nullable", "enum", "maxItems",
    "minItems", "properties", "required", "minProperties", "maxProperties", "minLength",
    "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default", "items",
    "minimum", "maximum", "additionalProperties",
})  # fmt: skip
_NAMES_BY_TYPE = {
    "string": "role text id name mimeType data fileUri thoughtSignature description mode taskType title type"
    " model format pattern thinkingLevel responseMimeType category threshold cachedContent",
    "int32": "candidateCount maxOutputTokens thinkingBudget outputDimensionality seed",
    "bool": "thought includeThoughts nullable",
    "strings": "stopSequences allowedFunctionNames required enum",
    "struct": "args response properties",
    "messages": "anyOf",
}
_TYPE_OF = {name: type_ for type_, names in _NAMES_BY_TYPE.items() for name in names.split()}
_TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")


def fields(value: Any, known: frozenset[str], where: str) -> Json:
    """Return an object under the names of the reference; raises ModelApiError for what has others."""
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{where}', expected an object.")
    found: Json = {}
    for name, each in value.items():
        camel = re.sub(r"(?<=.)_([a-z])", lambda letter: letter[1].upper(), name)
        if camel not in known:
            raise unknown_field(name, where)
        if each is None:
            continue
        if not _fits(camel, each):
            shown = orjson.dumps(each).decode()
            raise invalid(f"Invalid value at '{where}.{name}' (TYPE_{_TYPE_OF[camel].upper()}), {shown}")
        found[camel] = each
    return found


def _fits(name: str, value: Any) -> bool:
    """Whether a value is of the type of the field with this name, which is the same wherever one has it."""
    match _TYPE_OF.get(name):
        case "string":
            return isinstance(value, str)
        case "int32":
            return isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "strings":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case "struct":
            return isinstance(value, dict)
        case "messages":
            return isinstance(value, list) and all(isinstance(each, dict) for each in value)
    return True


def items(value: Any, where: str) -> list[Any]:
    """Return a list; Google reads a single object as a list of one."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise invalid(f"Invalid value at '{where}', expected a list.")
    return value


def check_schema(value: Any, where: str) -> None:
    """Raise ModelApiError for a schema beyond the subset of OpenAPI that is known."""
    schema = fields(value, _SCHEMA, where)
    if "type" in schema and str(schema["type"]).upper() not in _TYPES:
        raise invalid(
            f"Invalid value at '{where}.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type),"
            f' "{schema["type"]}"'
        )
    for name, each in (schema.get("properties") or {}).items():
        check_schema(each, f"{where}.properties[{name}]")
    if "items" in schema:
        check_schema(schema["items"], f"{where}.items")
    for i, each in enumerate(schema.get("anyOf") or ()):
        check_schema(each, f"{where}.any_of[{i}]")

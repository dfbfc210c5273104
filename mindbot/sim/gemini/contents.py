"""The contents of Gemini's requests: turns and their parts, checked as the API does and read.

Source: "Generate content", "Function calling", "Thinking" (thought signatures) and "Image understanding" in
the documentation of the Gemini API. The call of a function carries a signature, which comes back with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.gemini.fields import BLOB, CALL, CONTENT, PART, PART_DATA, RESPONSE, fields, items
from mindbot.sim.gemini.refusals import invalid
from mindbot.sim.models.conversation import Utterance
from mindbot.sim.models.pictures import decoded, media_type

_SIGNING = b"simulated"
#: What may stand for the signature of a call that is another model's.
_UNCHECKED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_TAKEN = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "image/gif")
_LOOKED_AT = ("image/png", "image/jpeg", "image/webp", "image/gif")
_OTHER = ("audio/", "video/", "text/", "application/pdf", "application/json")


def signature(*signed: Any) -> str:
    """Return what proves that a part is the model's own."""
    return base64.b64encode(hmac.digest(_SIGNING, orjson.dumps(signed), hashlib.sha256)).decode()


def turns(contents: Any, *, strict: bool) -> list[Json]:
    """Return the turns under the names of the reference, each with its parts; raises ModelApiError."""
    found = []
    for i, each in enumerate(items(contents, "contents")):
        turn = fields(each, CONTENT, f"contents[{i}]")
        turn["role"] = turn.get("role", "user")
        if turn["role"] not in ("user", "model", "function"):
            raise invalid("Please use a valid role: user, model.")
        turn["parts"] = parts(turn.get("parts"), f"contents[{i}]")
        found.append(turn)
    if not found:
        raise invalid("* GenerateContentRequest.contents: contents is not specified\n")
    if strict and found[0]["role"] != "user":
        raise invalid("Please ensure that multiturn requests begin with a user turn.")
    if strict and found[-1]["role"] == "model":
        raise invalid("Please ensure that multiturn requests end with a user role.")
    return found


def parts(value: Any, where: str) -> list[Json]:
    """Return checked parts; raises ModelApiError."""
    found = [
        fields(part, PART, f"{where}.parts[{j}]") for j, part in enumerate(items(value, f"{where}.parts"))
    ]
    if not found:
        raise invalid(f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.\n")
    for j, part in enumerate(found):
        at = f"{where}.parts[{j}]"
        data = part.keys() & PART_DATA
        if len(data) != 1:
            what = "required oneof field 'data' must have one initialized field"
            raise invalid(f"* GenerateContentRequest.{at}.data: {what}\n")
        match data.pop():
            case "inlineData":
                part["inlineData"] = _blob(part["inlineData"], at)
            case "functionCall":
                part["functionCall"] = _function(part["functionCall"], CALL, f"{at}.function_call", "args")
            case "functionResponse":
                where_ = f"{at}.function_response"
                part["functionResponse"] = _function(part["functionResponse"], RESPONSE, where_, "response")
    return found


def _blob(value: Any, where: str) -> Json:
    blob = fields(value, BLOB, f"{where}.inline_data")
    try:
        data = decoded(str(blob.get("data", "")).translate(str.maketrans("-_", "+/")))
    except ValueError as exc:
        raise invalid(
            f"Invalid value at '{where}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
        ) from exc
    said = str(blob.get("mimeType", ""))
    if said not in _TAKEN and not said.startswith(_OTHER):
        raise invalid(f"Unsupported MIME type: {said}")
    if said in _LOOKED_AT and media_type(data) not in _LOOKED_AT:
        raise invalid("Unable to process input image. Please retry or report it.")
    return blob


def _function(value: Any, known: frozenset[str], where: str, structure: str) -> Json:
    found = fields(value, known, where)
    if not found.get("name"):
        raise invalid(f"* GenerateContentRequest.{where}.name: Name cannot be empty.\n")
    if not isinstance(found.setdefault(structure, {}), dict):
        raise invalid(f"Invalid value at '{where}.{structure}' (type.googleapis.com/google.protobuf.Struct)")
    return found


def check_calls(found: list[Json], *, signed: bool) -> None:
    """Raise ModelApiError where calls and responses do not belong to each other, or lack their signature."""
    asked: list[Json] = []
    since = max((i for i, turn in enumerate(found) if _speaks(turn)), default=0)
    for i, turn in enumerate(found):
        responses = [part["functionResponse"] for part in turn["parts"] if "functionResponse" in part]
        if responses and not asked:
            raise invalid(
                "Please ensure that function response turn comes immediately after a function call turn."
            )
        if asked and len(responses) != len(asked):
            raise invalid(
                "Please ensure that the number of function response parts is equal to the number of function"
                " call parts of the function call turn."
            )
        _check_names(asked, responses)
        calls = [part for part in turn["parts"] if "functionCall" in part]
        asked = [part["functionCall"] for part in calls]
        if calls and (turn["role"] != "model" or i == 0 or found[i - 1]["role"] == "model"):
            raise invalid(
                "Please ensure that function call turn comes immediately after a user turn or after a"
                " function response turn."
            )
        if calls and signed and i > since:
            _check_signature(calls[0], i)
    if asked:
        raise invalid(
            "Please ensure that the number of function response parts is equal to the number of function call"
            " parts of the function call turn."
        )


def _check_names(asked: list[Json], responses: list[Json]) -> None:
    """Raise ModelApiError for a response whose name or id is not that of a call."""
    open_calls = [(call["name"], call.get("id")) for call in asked]
    for response in responses:
        wanted = next(
            (
                each
                for each in open_calls
                if response["name"] == each[0] and response.get("id") in (None, each[1])
            ),
            None,
        )
        if wanted is None:
            raise invalid(
                f"Please ensure that the function response {response['name']!r} has the name and the id"
                " of a call of the function call turn."
            )
        open_calls.remove(wanted)


def _speaks(turn: Json) -> bool:
    return turn["role"] == "user" and any("functionResponse" not in part for part in turn["parts"])


def _check_signature(part: Json, i: int) -> None:
    """The first call of a turn carries the signature with which it came."""
    call, given = part["functionCall"], part.get("thoughtSignature")
    if not given:
        raise invalid(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools"
            f" to work correctly. Function call `{call['name']}` in contents[{i}]."
        )
    if given in _UNCHECKED:
        return
    if str(given).translate(str.maketrans("-_", "+/")) != signature(call["name"], call["args"]):
        raise invalid("Corrupted thought signature.")


def said(turn: Json, calls: list[str]) -> list[Utterance]:
    """Return what a turn says, responses of functions first.

    ``calls`` are the ids of its calls, or of those that its responses answer.
    """
    found: list[Utterance] = []
    texts: list[str] = []
    pictures = 0
    for part in turn["parts"]:
        match part:
            case {"functionResponse": response}:
                text = orjson.dumps(response["response"]).decode()
                only = next(iter(response["response"].values()), None)
                if len(response["response"]) == 1 and isinstance(only, str):
                    text = only  # {"output": "…"} and the like
                found.append(Utterance("tool", text, result_of=response.get("id") or calls[len(found)]))
            case {"text": text}:
                if not part.get("thought"):
                    texts.append(text)
            case {"inlineData": blob}:
                pictures += blob["mimeType"].startswith("image/")
                texts.append(f"[{blob['mimeType'].partition('/')[0]}]")
            case {"fileData": _}:
                texts.append("[file]")
    own = tuple(calls) if turn["role"] == "model" else ()
    if texts or own or not found:
        role: Any = "assistant" if turn["role"] == "model" else "user"
        found.append(Utterance(role, " ".join(texts), own, pictures=pictures))
    return found

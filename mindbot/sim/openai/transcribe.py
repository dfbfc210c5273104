"""Speech to text. Source: "Create transcription" in the API reference: a form with ``file`` and ``model``.

The text that is heard is `heard: ` and the file's name and size, so that a test can tell.
"""

from __future__ import annotations

from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import count_tokens, pieces
from mindbot.sim.openai.errors import invalid

_MAX_BYTES = 25 * 1024 * 1024
_FORMATS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
_ANSWERS = frozenset({"json", "text", "srt", "verbose_json", "vtt"})
_SECOND = 32_000  # bytes


def transcription(body: Json) -> tuple[Json | str, str]:
    """Answer a request; returns the answer and its form.

    Raises:
        ModelApiError: the request is not one the real API accepts.
    """
    file: Any = body.get("file")
    if not isinstance(file, dict):
        raise invalid("Missing required parameter: 'file'.", "file", "missing_required_parameter")
    if not body.get("model"):
        raise invalid("you must provide a model parameter", "model")
    name, size = str(file["filename"]), int(file["bytes"])
    if name.rpartition(".")[2].lower() not in _FORMATS:
        raise invalid(f"Invalid file format. Supported formats: {list(_FORMATS)}", "file")
    if not size:
        raise invalid("The audio file could not be decoded or its format is not supported.", "file")
    if size > _MAX_BYTES:
        raise invalid(f"Maximum content size limit ({_MAX_BYTES}) exceeded ({size} bytes read)", "file")
    form = body.get("response_format") or "json"
    if form not in _ANSWERS:
        raise invalid(f"Invalid value: {form!r}.", "response_format", "invalid_value")
    text, lasts = f"heard: {name} ({size} bytes)", round(size / _SECOND, 2)
    match form:
        case "json":
            usage = {"type": "duration", "seconds": max(1, round(lasts))}
            return {"text": text, "usage": usage}, form
        case "verbose_json":
            segment = {"id": 0, "start": 0.0, "end": lasts, "text": text, "tokens": [0] * len(pieces(text))}
            told = {"task": "transcribe", "language": body.get("language") or "english", "duration": lasts}
            return {**told, "text": text, "segments": [segment]}, form
        case "text":
            return text + "\n", form
    head = "WEBVTT\n\n" if form == "vtt" else "1\n"
    dot = "." if form == "vtt" else ","
    span = f"00:00:00{dot}000 --> 00:00:{min(59, count_tokens(text)):02d}{dot}000"
    return f"{head}{span}\n{text}\n\n", form

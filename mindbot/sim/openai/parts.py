"""The parts of a message's content: looked at as the API looks at them.

Sources: "Images and vision", "Audio and speech", "File inputs" in OpenAI's guides; "Create chat completion".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.models.pictures import decoded, media_type
from mindbot.sim.openai.errors import invalid

_DETAILS = frozenset({None, "auto", "low", "high"})
_AUDIO = {"wav": (b"RIFF",), "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")}
_FORMATS = "['png', 'jpeg', 'gif', 'webp']"
#: Parts that a role may send; the others send text alone.
_MAY: Mapping[str, frozenset[str]] = {
    "user": frozenset({"text", "image_url", "input_audio", "file"}),
    "assistant": frozenset({"text", "refusal"}),
}
_TEXT = frozenset({"text"})


def check_content(content: Any, role: str, where: str) -> None:
    """Raise ModelApiError unless a message's content is a text, or parts that this role may send."""
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        raise invalid(f"Invalid type for '{where}': expected a string or an array.", where, "invalid_type")
    for i, part in enumerate(content):
        here = f"{where}[{i}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _MAY.get(role, _TEXT):
            raise invalid(f"Invalid value: {kind!r}.", f"{here}.type", "invalid_value")
        if check := _CHECKS.get(kind):
            check(part.get(kind), here)
        elif not isinstance(part.get(kind), str):
            raise invalid(f"Missing required parameter: '{here}.{kind}'.", here, "missing_required_parameter")


def _check_image(image: Any, here: str) -> None:
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url:
        raise invalid(
            f"Missing required parameter: '{here}.image_url.url'.", here, "missing_required_parameter"
        )
    if image.get("detail") not in _DETAILS:
        raise invalid(f"Invalid value: {image['detail']!r}.", f"{here}.image_url.detail", "invalid_value")
    if url.startswith(("https://", "http://")):
        return
    head, comma, data = url.partition(";base64,")
    if not head.startswith("data:image/") or not comma:
        raise invalid(f"Invalid image URL: '{here}.image_url.url'.", here, "invalid_image_url")
    try:
        kind = media_type(decoded(data))
    except ValueError as exc:
        raise invalid("Invalid base64 image_url.", here, "invalid_base64") from exc
    if not kind:
        said = f"You uploaded an unsupported image. Please make sure your image has one of: {_FORMATS}."
        raise invalid(said, here, "invalid_image_format")


def _check_audio(audio: Any, here: str) -> None:
    kind = audio.get("format") if isinstance(audio, dict) else None
    if kind not in _AUDIO:
        raise invalid(f"Invalid value: {kind!r}.", f"{here}.input_audio.format", "invalid_value")
    try:
        data = decoded(audio.get("data"))
    except ValueError as exc:
        raise invalid("Invalid base64 audio.", f"{here}.input_audio.data", "invalid_base64") from exc
    if not data.startswith(_AUDIO[kind]):
        said = f"The data provided for 'input_audio' is not of valid {kind} format."
        raise invalid(said, f"{here}.input_audio.data", "invalid_value")


def _check_file(file: Any, here: str) -> None:
    given: Json = file if isinstance(file, dict) else {}
    if given.get("file_id"):
        return
    head, comma, data = str(given.get("file_data") or "").partition(";base64,")
    if not given.get("filename") or not head.startswith("data:") or not comma:
        raise invalid(f"Invalid file: '{here}.file'.", f"{here}.file", "invalid_value")
    try:
        content = decoded(data)
    except ValueError as exc:
        raise invalid("Invalid base64 file_data.", f"{here}.file.file_data", "invalid_base64") from exc
    if head == "data:application/pdf" and not content.startswith(b"%PDF"):
        raise invalid("The file is no valid PDF.", f"{here}.file.file_data", "invalid_file")


_CHECKS: Mapping[str, Callable[[Any, str], None]] = {
    "image_url": _check_image,
    "input_audio": _check_audio,
    "file": _check_file,
}


def text_of(content: Any) -> str:
    """Return the readable text of a message's content: a string, a list of parts, or null."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(p.get("text", "") if p.get("type") == "text" else f"[{p.get('type')}]" for p in parts)


def pictures_in(content: Any) -> int:
    """Return how many pictures there are."""
    return sum(part.get("type") == "image_url" for part in content) if isinstance(content, list) else 0

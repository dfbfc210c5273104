"""Small value types of the configuration: durations, sizes, rates, addresses, references to secrets."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from mindbot.config.addresses import Address

_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(f"(?:{_PIECE.pattern})+", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]i?B|B)?", re.IGNORECASE | re.ASCII)
_RATE = re.compile(r"(\d+)\s*/\s*(\d*)(s|m|h|d)", re.ASCII)
_RATE_DIGITS = 9
_WHOLE_UNITS = {1.0: "s", 60.0: "m", 3600.0: "h", 86400.0: "d"}


def parse_duration(value: Any) -> Any:
    """Read ``15m``, ``1h30m``, ``500ms`` or a number of seconds; returns seconds.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, str):
        text = value.strip()
        if _DURATION.fullmatch(text):
            value = sum(float(n) * _SECONDS[unit] for n, unit in _PIECE.findall(text))
        else:
            try:
                value = float(text)
            except ValueError:
                value = math.nan
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("is no duration; write seconds, or e.g. 500ms, 30s, 15m, 1h30m")
    return value


def parse_size(value: Any) -> Any:
    """Read ``1MiB``, ``20MB``, ``512B`` or a number of bytes; returns bytes.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, str):
        found = _SIZE.fullmatch(value.strip())
        if not found or len(found[1]) > 15:
            raise ValueError("is no size; write bytes, or e.g. 512B, 20MB, 1MiB")
        unit = (found[2] or "B").lower()
        base = 1024 if "i" in unit else 1000
        return int(float(found[1]) * base ** "bkmg".index(unit[0]))
    if isinstance(value, bool):
        raise ValueError("is no size; write bytes, or e.g. 512B, 20MB, 1MiB")  # noqa: TRY004 - pydantic's way
    return value


def _not_bool(value: Any) -> Any:
    """YAML's ``on`` and ``yes`` are no numbers, though Python would take them for 1."""
    if isinstance(value, bool):
        raise ValueError("should be a number")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _not_negative(value: float) -> float:
    if value < 0:
        raise PydanticKnownError("greater_than_equal", {"ge": 0})
    return value


def _path(value: str) -> str:
    """Refuse a home that is nobody's before somebody needs it."""
    try:
        Path(value).expanduser()
    except RuntimeError:
        who = value.partition("/")[0]
        raise ValueError(f"{who!r} is no user's home on this machine; write the path out") from None
    return value


#: Not a `ge` of the type: that would take the place of the one that a setting asks for.
_NOT_NEGATIVE = AfterValidator(_not_negative)
_DURATION_SCHEMA = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["500ms", "30s", "1h30m"]}]
}
_SIZE_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "examples": ["512B", "20MB", "1MiB"]}]
}

#: Seconds.
Duration = Annotated[float, _NOT_NEGATIVE, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
#: Bytes.
Size = Annotated[int, _NOT_NEGATIVE, BeforeValidator(parse_size), WithJsonSchema(_SIZE_SCHEMA)]
Int = Annotated[int, BeforeValidator(_not_bool)]
Float = Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)]
Port = Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=65535)]
#: An http(s) address without a slash at its end.
Url = Annotated[str, Address()]
#: A path; ``~`` and ``~user`` are homes.
FilePath = Annotated[str, AfterValidator(_path)]
WsUrl = Annotated[str, Address(schemes=("ws", "wss"))]
#: Scheme and host of a platform's API.
ApiBase = Annotated[str, Address(endings=("/cgi-bin",))]
#: Where a model's API begins; a query (Azure's api-version) goes along with every call.
ModelBase = Annotated[
    str,
    Address(
        endings=(
            "/chat/completions",
            "/completions",
            "/responses",
            "/messages",
            "/chat-messages",
            "/embeddings",
            "/models",
        ),
        query=True,
    ),
]
#: Holds a reference (``keyring:NAME``, ``credential:NAME``, ``${ENV}``) or a plain secret; see `Secrets`.
Secret = Annotated[SecretStr, Field(min_length=1), PlainSerializer(lambda _: "********", return_type=str)]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds, written ``20/m`` or ``100/10s``."""

    count: int
    seconds: float

    def __str__(self) -> str:
        unit = _WHOLE_UNITS.get(self.seconds)
        return f"{self.count}/{unit}" if unit else f"{self.count}/{self.seconds:g}s"

    @classmethod
    def parse(cls, value: Any) -> Rate:
        """Read the text form.

        Raises:
            ValueError: it is no rate.
        """
        if isinstance(value, Rate):
            return value
        found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
        if found and max(len(found[1]), len(found[2])) > _RATE_DIGITS:
            raise ValueError(f"is too large for a rate: at most {_RATE_DIGITS} digits; leave it out for none")
        per = float(found[2] or 1) * _SECONDS[found[3]] if found else 0
        if not found or not int(found[1]) or not per:
            raise ValueError("is no rate; write e.g. 20/m or 100/10s")
        return cls(int(found[1]), per)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "examples": ["20/m", "100/10s"]}


@dataclass(frozen=True, slots=True)
class Also:
    """Lets a field take a second spelling: ``convert`` makes the first of it, ``schema`` tells editors."""

    convert: Callable[[Any], Any]
    schema: Callable[[dict[str, Any]], dict[str, Any]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.convert, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.schema(handler(schema))


#: One mapping, or a list of them.
ONE_OR_MANY = Also(
    lambda value: [value] if isinstance(value, dict) else value,
    lambda schema: {"anyOf": [schema["items"], schema]},
)


def _texts(key: str) -> Also:
    """Return the spelling of a list of mappings of which a bare text is what stands under ``key``."""
    return Also(
        lambda value: (
            [{key: v} if isinstance(v, str) else v for v in value]
            if isinstance(value, list | tuple)
            else value
        ),
        lambda schema: {"type": "array", "items": {"anyOf": [{"type": "string"}, schema["items"]]}},
    )


#: A list of mappings with a name, of which a bare text is the name alone.
NAMED = _texts("name")
#: A list of keys with what belongs to each, of which a bare text is the key alone.
KEYS = _texts("key")
#: A list of lines of a conversation with what belongs to each, of which a bare text is what is said.
LINES = _texts("text")

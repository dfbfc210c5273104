"""Mappings in configurations whose entries are not all of one kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Entries:
    """A mapping of which each entry has a model of its own: what is derived from it says which."""

    models: ClassVar[Mapping[str, type[BaseModel]]]
    other: ClassVar[type[BaseModel]]

    @classmethod
    def of(cls, name: str) -> type[BaseModel]:
        """Return the model of an entry."""
        return cls.models.get(name, cls.other)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        known = {
            name: core_schema.typed_dict_field(handler.generate_schema(model), required=False)
            for name, model in cls.models.items()
        }
        others = handler.generate_schema(cls.other)
        return core_schema.typed_dict_schema(known, extra_behavior="allow", extras_schema=others)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        below: Any = schema
        inner = [*(field["schema"] for field in below["fields"].values()), below["extras_schema"]]
        kinds = {json.dumps(kind): kind for kind in map(handler, inner)}
        return {"type": "object", "additionalProperties": {"anyOf": list(kinds.values())}}

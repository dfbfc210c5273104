"""The models of a simulated Ollama: what they can do, which are in memory and until when.

Sources: docs/api.md ("List Local Models", "Show Model Information", "List Running Models", "keep_alive").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from mindbot.domain.message import Json

#: What a model has unless it says otherwise.
CAPABILITIES = ("completion", "tools", "vision", "thinking")
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)(ns|us|ms|s|m|h)")
_FIVE_MINUTES = 300.0
_MODIFIED = "2026-08-21T08:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """One model. ``context`` is what it was trained for; a request's ``num_ctx`` decides how much counts."""

    name: str
    capabilities: tuple[str, ...] = CAPABILITIES
    context: int = 131_072
    dimensions: int = 0  # of an embedding model

    @property
    def digest(self) -> str:
        return sha256(self.name.encode()).hexdigest()

    @property
    def details(self) -> Json:
        family = "bert" if self.dimensions else "llama"
        return {
            "parent_model": "",
            "format": "gguf",
            "family": family,
            "families": [family],
            "parameter_size": "137M" if self.dimensions else "8.0B",
            "quantization_level": "Q4_K_M",
        }

    def listed(self) -> Json:
        """Return the model as ``/api/tags`` lists it."""
        return {
            "name": self.name,
            "model": self.name,
            "modified_at": _MODIFIED,
            "size": 4_661_224_676,
            "digest": self.digest,
            "details": self.details,
        }

    def shown(self) -> Json:
        """Return what ``/api/show`` tells."""
        family = self.details["family"]
        return {
            "license": "",
            "modelfile": f"FROM {self.name}",
            "parameters": 'stop "<|eot_id|>"',
            "template": "{{ .Prompt }}",
            "details": self.details,
            "model_info": {
                "general.architecture": family,
                f"{family}.context_length": self.context,
                f"{family}.embedding_length": self.dimensions or 4096,
            },
            "capabilities": list(self.capabilities),
            "modified_at": _MODIFIED,
        }


class Library:
    """The models there are, and those in memory with the time when they leave it."""

    def __init__(self, models: Sequence[LocalModel], clock: Callable[[], float]) -> None:
        self._models = {_tagged(model.name): model for model in models}
        self._clock = clock
        self._until: dict[str, float] = {}

    def find(self, name: str) -> LocalModel | None:
        """Return a model; a name without a tag means ``latest``."""
        return self._models.get(_tagged(name))

    def all(self) -> list[LocalModel]:
        """Return every model."""
        return list(self._models.values())

    def load(self, model: LocalModel, keep_alive: Any) -> bool:
        """Take a model into memory for a request; True when it was not there."""
        now = self._clock()
        cold = self._until.get(model.name, 0.0) <= now
        stays = seconds(keep_alive)
        self._until[model.name] = float("inf") if stays < 0 else now + stays
        return cold

    def unload(self, model: LocalModel) -> None:
        """Take a model out of memory."""
        self._until.pop(model.name, None)

    def running(self) -> list[Json]:
        """Return the models in memory as ``/api/ps`` lists them."""
        now = self._clock()
        found = []
        for model in self._models.values():
            until = self._until.get(model.name, 0.0)
            if until > now:
                leaves = datetime.fromtimestamp(min(until, now + 1e9), UTC).isoformat()
                size = {"size_vram": 5_137_025_024, "context_length": 4096}
                found.append({**model.listed(), "expires_at": leaves, **size})
        return found

    def clear(self) -> None:
        """Empty the memory."""
        self._until.clear()


def seconds(keep_alive: Any) -> float:
    """Return a ``keep_alive`` in seconds: a number, or a text such as ``5m``; negative means for ever.

    Raises:
        ValueError: it is neither.
    """
    if keep_alive is None:
        return _FIVE_MINUTES
    if isinstance(keep_alive, int | float) and not isinstance(keep_alive, bool):
        return float(keep_alive)
    parts = _DURATION.findall(keep_alive) if isinstance(keep_alive, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != keep_alive:
        raise ValueError(f'time: invalid duration "{keep_alive}"')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _tagged(name: str) -> str:
    return name if ":" in name else f"{name}:latest"

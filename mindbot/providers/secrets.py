"""What providers need to know of secrets."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr


class Secrets(Protocol):
    """Where keys come from."""

    async def aget(self, value: SecretStr) -> str:
        """Return the secret that a configured value stands for; raises SecretError."""

"""Who acts on a conversation from this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operator:
    """A local user, by the kernel's word, and where they sit: the id that their console gives itself, empty
    for single commands. Two consoles are two operators, also where one user has opened both."""

    user: str
    console: str = ""
    admin: bool = False

    def is_at(self, user: str, console: str) -> bool:
        """Whether it is this user, in this place."""
        return (self.user, self.console) == (user, console)

    @property
    def named(self) -> str:
        """Both, as records name them."""
        return f"{self.user} ({self.console})" if self.console else self.user

"""Commands that a reader brings: programs with what is selected as their arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mindbot.domain.errors import Invalid

#: What a command line may name in braces; the program finds the same as ``$MINDBOT_TURN`` and so on.
PLACES = ("turn", "session", "platform", "bot", "user")
PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """A program: its words, the views it is for (all when empty), seconds until it is ended."""

    name: str
    words: tuple[str, ...]
    help: str = ""
    key: str = ""
    views: tuple[str, ...] = ()
    confirm: bool = False
    timeout: float = 30.0

    @property
    def needs(self) -> list[str]:
        """The places that must be known."""
        named = {place for word in self.words for place in PLACE.findall(word)}
        return [place for place in PLACES if place in named]

    def argv(self, values: Mapping[str, str]) -> list[str]:
        """Return the words with what is selected in them: each stays one word, whatever is in it.

        Raises:
            Invalid: a value would be taken for an option, or holds what no word can.
        """
        out = []
        for word in self.words:
            filled = PLACE.sub(lambda found: values.get(found[1], found[0]), word)
            if filled != word and (filled.startswith("-") and not word.startswith("-")):
                raise Invalid(f"{filled!r} would be taken for an option of {self.words[0]}")
            if "\0" in filled:
                raise Invalid("a value holds a NUL, which no argument can")
            out.append(filled)
        return out

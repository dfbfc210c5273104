"""A message, immutable as received, and the parts messages and replies are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import NoneType

# Whoever deals with messages knows plain data under this module's name too.
from mindbot.domain.shapes.replays import ReplayPlan
from mindbot.domain.shapes.turns import Json as Json
from mindbot.domain.shapes.turns import MessageJson, PartJson

#: The `Message.origin` of what an operator says in the bot's place.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message or reply.

    ``kind`` is one of text, markdown, image, voice, video, file, location, link, quote, card, mention,
    transfer (a reply hands the session to people) or raw; ``text`` is its readable form; ``data`` holds what
    the platform needs (media ids, URLs, …). A quote is what the message's sender did not write now: its
    ``data["name"]`` says whose words they are, where that is known, and quoted files have ``data["quoted"]``.
    """

    kind: str
    text: str = ""
    data: Json = field(default_factory=dict)

    @property
    def foreign(self) -> bool:
        """Whether it is quoted: somebody else's, or from earlier."""
        return self.kind == "quote" or bool(self.data.get("quoted"))

    def to_json(self) -> PartJson:
        out: PartJson = {"kind": self.kind}
        if self.text:
            out["text"] = self.text
        if self.data:
            out["data"] = self.data
        return out

    @classmethod
    def from_json(cls, value: Json) -> Part:
        """Read `to_json` back.

        Raises:
            LookupError, TypeError, AttributeError: it is not of that form.
        """
        part = cls(value["kind"], value.get("text", ""), value.get("data") or {})
        if not (isinstance(part.kind, str) and isinstance(part.text, str) and isinstance(part.data, dict)):
            raise TypeError("a part has a kind, a text and data")
        return part


def _readable(part: Part) -> str:
    """Return a part's text; a quote's with a mark before each line, and at its head whose words they are.

    Quoted files are named by the quote that they are of.
    """
    if not part.foreign:
        return part.text
    if part.kind != "quote" or not part.text:
        return ""
    name = " ".join(str(part.data.get("name") or "").split())
    head = f"[quoted from {name}]" if name else "[quoted]"
    return "\n".join(f"> {line}".rstrip() for line in [head, *part.text.splitlines()])


def text_part(text: str) -> Part:
    """Return a plain text part."""
    return Part("text", text)


@dataclass(frozen=True, slots=True)
class Message:
    """One inbound message.

    ``key`` is what makes it unique on its (platform, bot): the platform's message id, or for events
    without one a key built from sender, time, event and event key. ``kind`` is text, image, …, or event.
    ``reply_to`` is the address the adapter needs to answer (plain JSON). ``ts`` is when the platform says
    it was sent, ``received`` when we got it, both Unix seconds. ``raw`` is the decrypted payload as text.
    ``aliases`` are the sender's further ids within ``corp``; a message without the sender's proper id has
    one of them as its ``sender``, until `mindbot.runtime.identities` knows better. ``origin`` is who brought
    it: ``user``, or an operator as a ``test``, a ``push``, a ``replay``, or as ``operator``: what they say in
    the bot's place. ``tried_for`` makes it a dry run: it is answered in a session of its own as one of that
    session would be, and nothing of it is sent.
    ``replay`` is what it takes over of the turn that it makes again.
    """

    platform: str
    bot: str
    key: str
    session: str
    sender: str
    kind: str
    parts: tuple[Part, ...]
    reply_to: Json
    raw: str = ""
    chat: str = ""
    ts: float = 0.0
    received: float = 0.0
    aliases: tuple[str, ...] = ()
    corp: str = ""
    origin: str = "user"
    tried_for: str = ""
    replay: ReplayPlan | None = None

    @property
    def context(self) -> str:
        """The session whose past it is answered with."""
        return self.tried_for or self.session

    @property
    def written(self) -> bool:
        """Whether a person wrote it, and waits: an event and a push are nobody's question."""
        return self.kind not in ("event", "push")

    @property
    def by(self) -> str:
        """The operator who says it in the bot's place; empty for any other message."""
        return str(self.parts[0].data.get("by") or "") if self.origin == OPERATOR and self.parts else ""

    @property
    def text(self) -> str:
        """The readable text of all parts, one a line; quotes are marked as such, line by line."""
        if len(self.parts) == 1 and not self.parts[0].foreign:
            return self.parts[0].text
        return "\n".join(filter(None, self.readable))

    @property
    def readable(self) -> list[str]:
        """The readable text of each part, empty where it has none; together they are its `text`."""
        return list(map(_readable, self.parts))

    @property
    def length(self) -> int:
        """How many characters it holds, about: those of its texts and of what it came as."""
        return len(self.raw) + sum(len(part.text) for part in self.parts)

    @property
    def said(self) -> str:
        """What the sender says, without what is quoted: the words that rules and commands look at."""
        return "\n".join(p.text for p in self.parts if p.text and not p.foreign)

    def to_json(self) -> MessageJson:
        out: MessageJson = {
            "platform": self.platform,
            "bot": self.bot,
            "key": self.key,
            "session": self.session,
            "sender": self.sender,
            "kind": self.kind,
            "parts": [p.to_json() for p in self.parts],
            "reply_to": self.reply_to,
            "raw": self.raw,
            "chat": self.chat,
            "ts": self.ts,
            "received": self.received,
        }
        if self.aliases:
            out["aliases"] = list(self.aliases)
        if self.corp:
            out["corp"] = self.corp
        if self.origin != "user":
            out["origin"] = self.origin
        if self.tried_for:
            out["tried_for"] = self.tried_for
        if self.replay is not None:
            out["replay"] = self.replay
        return out

    @classmethod
    def from_json(cls, value: Json) -> Message:
        """Read `to_json` back; a field of a newer program is left out.

        Raises:
            LookupError, TypeError, AttributeError: it is not of that form.
        """
        fields = {name: each for name, each in value.items() if name in cls.__dataclass_fields__}
        fields["parts"] = tuple(Part.from_json(p) for p in value["parts"])
        fields["aliases"] = tuple(fields.get("aliases", ()))
        for name, each in fields.items():
            if not isinstance(each, _TYPES[name]):
                raise TypeError(f"{name} is a {type(each).__name__}")
        return cls(**fields)


_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("platform", "bot", "key", "session", "sender", "kind", "raw"), str),
    **dict.fromkeys(("chat", "corp", "origin", "tried_for"), str),
    **dict.fromkeys(("ts", "received"), (int, float)),
    **dict.fromkeys(("parts", "aliases"), tuple),
    "replay": (dict, NoneType),
    "reply_to": dict,
}

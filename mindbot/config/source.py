"""Reads YAML with the place of every value, safely: no tags, no duplicates, bounded in every way.

Works on libyaml's events rather than on its nodes, so that depth and size are checked while reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from mindbot.config import lookalikes
from mindbot.config.tree import Finding, Node, Origin
from mindbot.domain.errors import ConfigError

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 64
MAX_MENDS = 50

_TAG = "tag:yaml.org,2002:"
_STR, _NULL, _MERGE = _TAG + "str", _TAG + "null", _TAG + "merge"
_KNOWN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))
#: What YAML 1.1 lets follow a backslash inside double quotes (yaml.org/spec/1.1, 5.6).
_LEGAL_ESCAPES = frozenset('0abt\tnvfre "\\N_LPxuU/\n\r')
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_scalars = yaml.constructor.SafeConstructor()


@dataclass(slots=True)
class Source:
    """What a file holds, and what there is to say about it; problems make the whole unusable, and ``looks``
    may be why it is not understood."""

    root: Node
    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    looks: list[Finding] = field(default_factory=list)


def read(path: Path, begins: str = "wecom") -> Source:
    """Read one file; ``begins`` is a section that it may begin with, for who wrote none.

    Raises:
        ConfigError: it cannot be read or understood; ``problems`` has one line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unusable(f"{path}: cannot be read: {reason}. Check the path and who may read it") from error
    if len(data) > MAX_BYTES:
        raise _unusable(f"{path}: is larger than {MAX_BYTES} bytes. Is it a configuration file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unusable(f"{path}:{line}: is not UTF-8 text. Save it as UTF-8") from error
    return parse(text, str(path), begins)


def parse(text: str, name: str, begins: str = "wecom") -> Source:
    """Parse one YAML text; escapes that YAML forbids (``"c\\+\\+"``) load with a warning.

    Raises:
        ConfigError: it is no YAML, or no mapping; ``problems`` has one line with the place.
    """
    warnings: list[Finding] = []
    mends = 0
    while True:
        reader = _Reader(text, name, begins)
        try:
            root = reader.document()
        except yaml.MarkedYAMLError as error:
            mends += 1
            mended = _mend_escapes(text, name, error, warnings) if mends <= MAX_MENDS else None
            if mended is None:
                raise _unusable(_syntax(text, name, error)) from error
            text = mended
        except yaml.reader.ReaderError as error:
            line = text.encode()[: error.position].count(b"\n") + 1  # libyaml counts bytes
            shown = f"U+{error.character:04X}" if isinstance(error.character, int) else "a character"
            raise _unusable(f"{name}:{line}: holds {shown}, which YAML does not allow") from error
        else:
            return Source(root, reader.problems, warnings, reader.looks)


def _unusable(problem: str) -> ConfigError:
    return ConfigError("the configuration cannot be read", problems=[problem])


def _syntax(text: str, name: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    if mark and (odd := lookalikes.structural(text, name, mark.line + 1)):
        return str(odd)
    where = str(Origin(name, mark.line + 1, mark.column + 1)) if mark else name
    what = error.problem or error.context or "not YAML"
    if error.context and error.context_mark and error.problem:
        what += f" {error.context}, which begins in line {error.context_mark.line + 1}"
    return f"{where}: {what}. {_advice(what)}"


def _advice(what: str) -> str:
    if "hexdecimal" in what or "escape" in what:
        return "Put the text in single quotes: backslashes are themselves there"
    if "cannot start any token" in what:
        return "Indent with blanks, not tabs, and put text that begins with @ ` % in quotes"
    if "mapping values are not allowed" in what:
        return "Put text that holds a colon in quotes, and check the indentation"
    return "Check indentation, quotes and brackets there"


def _mend_escapes(text: str, name: str, error: yaml.MarkedYAMLError, warnings: list[Finding]) -> str | None:
    """Double the backslashes that YAML forbids, from the one it stumbled over to the closing quote."""
    mark = error.problem_mark
    if mark is None or error.problem != "found unknown escape character":
        return None
    out, at, column, line = [text[: mark.index]], mark.index, mark.column, mark.line
    told: set[str] = set()
    while at < len(text) and text[at] != '"':
        pair = text[at : at + 2] if text[at] == "\\" else text[at]
        if len(pair) == 2 and pair[1] not in _LEGAL_ESCAPES:
            out.append("\\")
            if pair not in told:
                told.add(pair)
                what = (
                    f"YAML knows no escape {pair} in double quotes; it is read as a backslash and {pair[1]}"
                )
                mend = f"Write \\{pair}, or put the text in single quotes"
                warnings.append(Finding(Origin(name, line + 1, column + 1), f"{what}. {mend}"))
        out.append(pair)
        at += len(pair)
        line, column = (line + 1, 0) if "\n" in pair else (line, column + len(pair))
    out.append(text[at:])
    return "".join(out)


@dataclass(frozen=True, slots=True)
class _Built:
    """A node with how much it holds, so that aliases are counted each time they are used."""

    node: Node
    size: int = 1
    height: int = 0
    tag: str = ""


class _Reader:
    """Builds nodes from events."""

    def __init__(self, text: str, name: str, begins: str) -> None:
        self.problems: list[Finding] = []
        self.looks: list[Finding] = []
        self._name = name
        self._begins = begins
        self._events: Any = yaml.CSafeLoader(text)
        self._anchors: dict[str, _Built] = {}
        self._nodes = 0

    def document(self) -> Node:
        try:
            return self._document()
        finally:
            self._events.dispose()

    def _document(self) -> Node:
        nothing = Node({}, Origin(self._name, 1, 1))
        self._events.get_event()  # the stream's start
        if self._events.check_event(yaml.StreamEndEvent):
            return nothing
        self._events.get_event()  # the document's start
        root = self._value(0).node
        self._events.get_event()  # the document's end
        if not self._events.check_event(yaml.StreamEndEvent):
            raise _unusable(
                f"{self._origin(self._events.peek_event())}: a second document (---). Use one file each"
            )
        if root.value is None:
            return nothing
        if not isinstance(root.value, dict):
            if self.looks:  # what is no mapping because of it
                raise _unusable(str(self.looks[0]))
            what = f"should be a mapping of sections. Begin with e.g. `{self._begins}:`"
            raise _unusable(f"{root.origin}: {what}")
        return root

    def _origin(self, event: yaml.Event) -> Origin:
        mark = event.start_mark
        assert mark is not None
        return Origin(self._name, mark.line + 1, mark.column + 1)

    def _refuse(self, origin: Origin, what: str) -> None:
        self.problems.append(Finding(origin, what))

    def _value(self, depth: int) -> _Built:
        event = self._events.get_event()
        origin = self._origin(event)
        if isinstance(event, yaml.AliasEvent):
            built = self._alias(event.anchor, origin)
        elif isinstance(event, yaml.ScalarEvent):
            built = self._scalar(event, origin)
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._sequence(event, origin, depth)
        else:
            built = self._mapping(event, origin, depth)
        self._nodes += built.size if isinstance(event, yaml.AliasEvent) else 1
        if self._nodes > MAX_NODES:
            raise _unusable(f"{origin}: holds more than {MAX_NODES} values. Use fewer aliases")
        if depth + built.height > MAX_DEPTH:
            raise _unusable(f"{origin}: is nested deeper than {MAX_DEPTH} levels")
        if not isinstance(event, yaml.AliasEvent):
            if event.tag and event.tag not in _KNOWN_TAGS and event.tag != "!":
                self._refuse(
                    origin, f"the tag {_short(event.tag)} is not allowed. Write the value without it"
                )
            if event.anchor:
                self._anchors[event.anchor] = built
        return built

    def _alias(self, name: str | None, origin: Origin) -> _Built:
        built = self._anchors.get(name or "")
        if built is None:
            self._refuse(origin, f"the alias *{name} has no anchor &{name} before it")
            return _Built(Node(None, origin))
        return built

    def _scalar(self, event: yaml.ScalarEvent, origin: Origin) -> _Built:
        tag = event.tag
        if not tag or tag == "!":
            tag = self._events.resolve(yaml.ScalarNode, event.value, event.implicit)
        if _CONTROL.search(event.value):
            self._refuse(
                origin, "holds a control character. A regular expression's \\b needs single quotes or \\\\b"
            )
        if not event.style and (odd := lookalikes.missed_colon(event.value, origin)):
            self.looks.append(odd)
        quoted = event.style in ("'", '"')
        return _Built(Node(_plain(tag, event.value), origin, quoted=quoted), tag=tag)

    def _sequence(self, event: yaml.Event, origin: Origin, depth: int) -> _Built:
        self._check_depth(origin, depth)
        items = []
        while not self._events.check_event(yaml.SequenceEndEvent):
            items.append(self._value(depth + 1))
        self._events.get_event()
        return _collection([b.node for b in items], origin, items)

    def _mapping(self, event: yaml.Event, origin: Origin, depth: int) -> _Built:
        self._check_depth(origin, depth)
        found: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        children: list[_Built] = []
        while not self._events.check_event(yaml.MappingEndEvent):
            key = self._key(depth + 1)
            child = self._value(depth + 1)
            children.append(child)
            if key is None:
                continue
            text, place = key
            if text == "<<":
                self._merge(merged, child.node)
            elif text in found:
                self._refuse(
                    place, f"the key {text!r} is there twice, first in line {found[text].place.line}"
                )
            else:
                found[text] = replace(child.node, key=place)
        self._events.get_event()
        return _collection({**merged, **found}, origin, children)

    def _key(self, depth: int) -> tuple[str, Origin] | None:
        """A key is the text as written, so that ``on`` and ``2024`` are names too."""
        event = self._events.peek_event()
        origin = self._origin(event)
        if isinstance(event, yaml.ScalarEvent):
            self._value(depth)
            if odd := lookalikes.in_key(event.value, origin):
                self.looks.append(odd)
            return event.value, origin
        built = self._value(depth)
        if isinstance(built.node.value, str):
            return built.node.value, origin
        self._refuse(origin, "a key should be a name")
        return None

    def _merge(self, into: dict[str, Node], node: Node) -> None:
        """YAML's merge key: mappings whose keys count where the mapping has none of its own."""
        for each in node.value if isinstance(node.value, list) else [node]:
            if isinstance(each.value, dict):
                for key, child in each.value.items():
                    into.setdefault(key, child)
            else:
                self._refuse(each.origin, "<< needs a mapping, or a list of mappings")

    def _check_depth(self, origin: Origin, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise _unusable(f"{origin}: is nested deeper than {MAX_DEPTH} levels")


def _collection(value: Any, origin: Origin, children: list[_Built]) -> _Built:
    size = 1 + sum(c.size for c in children)
    return _Built(Node(value, origin), size, 1 + max((c.height for c in children), default=0))


def _plain(tag: str, text: str) -> Any:
    """Return a scalar's value. Dates stay text, and so does 12:30, which YAML 1.1 takes for a number."""
    node = yaml.ScalarNode(tag, text)
    try:
        if tag == _NULL:
            return None
        if tag == _TAG + "bool":
            return _scalars.construct_yaml_bool(node)
        if tag == _TAG + "int" and ":" not in text:
            return _scalars.construct_yaml_int(node)
        if tag == _TAG + "float" and ":" not in text:
            return _scalars.construct_yaml_float(node)
    except (ValueError, KeyError, IndexError, OverflowError):
        pass  # an explicit tag on something else, or thousands of digits: the model will say what it wants
    return text


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")[:60]

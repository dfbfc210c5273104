"""Composes the configuration's model from the parts that are installed: their sections, by their settings.

A part's ``Settings`` make its section: a platform's the one of its name, with one bot or a list; a provider's
the entries of `providers:` of its type; a runner's or stage's the one of its name. Only what a configuration
names is imported; a part that cannot be is told, and its section taken unread: it takes no other down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model

from mindbot import registry
from mindbot.config import keys, tree
from mindbot.config.bots import BotSettings
from mindbot.config.entries import Entries
from mindbot.config.features import AgentSettings
from mindbot.config.model import Config
from mindbot.config.models import ProviderSettings
from mindbot.config.sections import Section
from mindbot.config.tree import KeyPath, Node, Origin
from mindbot.config.types import ONE_OR_MANY
from mindbot.registry import BrokenPart

#: Groups whose parts may have a section of their own beside bots and providers.
_OTHERS = ("runners", "stages")
_NOT_READ = ConfigDict(extra="allow", defer_build=True)


class UnreadBot(BotSettings):
    """The section of a platform that cannot be loaded."""

    model_config = _NOT_READ


class UnreadProvider(ProviderSettings):
    """The entry of a provider that cannot be loaded."""

    model_config = _NOT_READ


class UnreadSection(Section):
    """The section of a runner or stage that cannot be loaded."""

    model_config = _NOT_READ


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a configuration decides its model: the sections that are there, and the entries' types."""

    sections: frozenset[str] = frozenset()
    entries: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, root: Node) -> Shape:
        """Look at a tree as far as it is read."""
        entries: dict[str, str] = {}
        for path in (("providers",), ("agent", "providers")):
            node, _, rest = tree.find(root, path)
            below = node.value if not rest and isinstance(node.value, dict) else {}
            for name, entry in below.items():
                entries[name] = type_of(name, entry, entries.get(name, ""))
        written = (key for key, node in root.value.items() if node.value is not None)
        return cls(frozenset(written), tuple(entries.items()))


def type_of(name: str, entry: Node, known: str = "") -> str:
    """Return the type that an entry of `providers:` says, else the one ``known``, else its name."""
    said = entry.value.get("type") if isinstance(entry.value, dict) else None
    return str(said.value) if said is not None and said.value else known or name


def model_for(root: Node) -> type[Config]:
    """Return the model of a configuration, with the sections of the parts that it names."""
    return _composed(Shape.of(root))


def read(data: Mapping[str, Any]) -> Config:
    """Return the configuration that plain data is; raises pydantic's ValidationError."""
    return model_for(tree.from_plain(data, Origin(""))).model_validate(data)


@lru_cache(maxsize=64)
def _composed(shape: Shape) -> type[Config]:
    platforms = _platforms()
    fields: dict[str, Any] = {}
    for name in platforms:
        kind = settings_or(UnreadBot, "platforms", name) if name in shape.sections else BotSettings
        fields[name] = _bots(name, kind)
    below: dict[str, Any] = {}
    for group, name in _sections():
        own = settings_or(UnreadSection, group, name) if name in shape.sections else None
        if own is not None and name not in fields:
            below[name] = (own, ...)
    models = {name: entry_settings(kind) for name, kind in shape.entries}
    return _made(platforms, fields, below, models, agent="agent" in shape.sections)


def whole() -> type[Config]:
    """Return the model with every part that can be loaded: for the schema and the documentation."""
    platforms = _platforms()
    fields = {name: _bots(name, settings_or(UnreadBot, "platforms", name)) for name in platforms}
    below: dict[str, Any] = {}
    for group, name in _sections():
        if name not in fields and (own := settings_or(UnreadSection, group, name)) is not None:
            below[name] = (own | None, None)
    models = {kind: entry_settings(kind) for kind in provider_types()}
    return _made(platforms, fields, below, models, agent=True)


def _made(
    platforms: tuple[str, ...],
    bots: Mapping[str, Any],
    below: Mapping[str, Any],
    models: Mapping[str, type[ProviderSettings]],
    *,
    agent: bool,
) -> type[Config]:
    """Bots come first, then MindBot's own sections, then those of other parts."""
    first = create_model("Bots", __base__=Section, **bots)
    entries = type("ProviderEntries", (Entries,), {"models": models, "other": ProviderSettings})
    about = Config.model_fields["providers"].description
    later: dict[str, Any] = {
        "providers": (entries, Field(default_factory=dict, description=about)),
        **below,
    }
    if agent:
        marks = Config.model_fields["agent"].json_schema_extra
        later["agent"] = (_agent(entries) | None, Field(None, json_schema_extra=marks))
    build: Any = create_model  # whose own type does not see what the bases have
    made: type[Config] = build(
        "Config", __base__=(Config, first), __doc__=Config.__doc__, __module__=__name__, **later
    )
    made.platforms = platforms
    return made


def _agent(entries: type[Entries]) -> Any:
    """Return the `agent:` section, whose entries are laid over those of `providers:`."""
    about = AgentSettings.model_fields["providers"].description
    return create_model(
        "AgentSettings",
        __base__=AgentSettings,
        __doc__=AgentSettings.__doc__,
        providers=(entries, Field(default_factory=dict, description=about)),
    )


def _bots(name: str, kind: type[BotSettings] | None) -> Any:
    kind = kind or BotSettings
    about = f"{kind.about or f'{name} bots'}: one section, or a list."
    return Annotated[tuple[kind, ...], ONE_OR_MANY], Field((), description=about)  # type: ignore[valid-type]


def _platforms() -> tuple[str, ...]:
    """Return the platforms that have a section; what MindBot itself calls so keeps its name."""
    return tuple(n for n in registry.names("platforms") if n not in Config.model_fields and n.isidentifier())


def _sections() -> Iterator[tuple[str, str]]:
    """Yield the runners and stages of other packages: MindBot's own have their sections in `Config`."""
    for group in _OTHERS:
        for name in registry.strangers(group):
            if name not in Config.model_fields and name.isidentifier():
                yield group, name


def section_names() -> list[str]:
    """Return the sections that parts have; imports nothing."""
    return [*_platforms(), *(name for _, name in _sections())]


def provider_types() -> list[str]:
    """Return every type that an entry of `providers:` may have."""
    return registry.names("providers")


def types_with(key: str) -> list[str]:
    """Return the types of providers whose entries alone have a key; for errors: it loads every provider."""
    if key in ProviderSettings.model_fields:
        return []
    return [kind for kind in provider_types() if key in keys.fields(entry_settings(kind))]


def entry_settings(kind: str) -> type[ProviderSettings]:
    """Return the settings of a type of providers; those that all have for one that nobody knows."""
    if kind not in registry.names("providers"):
        return ProviderSettings
    return settings_or(UnreadProvider, "providers", kind) or ProviderSettings


_WANTED: Mapping[str, type[Section]] = {"platforms": BotSettings, "providers": ProviderSettings}


def settings(group: str, name: str) -> Any:
    """Return the settings class of a part; None for a part that has none.

    Raises:
        BrokenPart: it cannot be loaded, or its settings are none.
    """
    quick = f"{group}.{name}"
    if quick in registry.names("settings"):
        found = registry.load("settings", quick)
    else:
        found = getattr(registry.load(group, name), "Settings", None)
    wanted = _WANTED.get(group, Section)
    if found is not None and not (isinstance(found, type) and issubclass(found, wanted)):
        raise registry.broken(group, name, f"its Settings are no {wanted.__module__}.{wanted.__name__}")
    return found


def settings_or(unread: type[Section], group: str, name: str) -> Any:
    """Return `settings`, or ``unread`` for a part that cannot be loaded."""
    try:
        return settings(group, name)
    except BrokenPart:
        return unread


def left_out() -> list[str]:
    """Return a line for each part of other packages that no configuration can use.

    Those are runners and stages that cannot be loaded, for a daemon loads all, and platforms with no section.
    """
    named = [name for name in registry.strangers("platforms") if name not in _platforms()]
    taken = "it has no section: its name is one of MindBot's own, or no word"
    lines = [str(registry.broken("platforms", name, taken)) for name in named]
    for group in _OTHERS:
        for name in registry.strangers(group):
            try:
                registry.load(group, name)
            except BrokenPart as error:
                lines.append(f"{error.message}. Until then it is left out: {error.hint}")
    return lines


def broken(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """Yield the sections whose parts cannot be loaded, each with the reason and the mend."""
    unread = (UnreadBot, UnreadProvider, UnreadSection)
    named: list[tuple[KeyPath, str, str, Any]] = [
        ((name,), "platforms", name, next(iter(config.bots_of(name)), None)) for name in config.platforms
    ]
    named += [(("providers", n), "providers", p.type or n, p) for n, p in config.providers.items()]
    named += [((name,), group, name, getattr(config, name, None)) for group, name in _sections()]
    for path, group, name, value in named:
        if isinstance(value, unread):
            try:
                settings(group, name)
            except BrokenPart as error:
                yield path, f"{error.message}. Until then it is left out: {error.hint}"

"""Rules and workflows that would not do what is written: names of nobody, rules that nothing reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mindbot import registry
from mindbot.config import keys, tree
from mindbot.config.model import Config
from mindbot.config.tree import Finding, KeyPath, Node
from mindbot.config.workflows import RouteSettings

_EMBEDDERS = ("auto", "hashed", "local", "none")
_KINDS = ("text", "image", "voice", "video", "file", "location", "link", "quote", "card", "mention", "raw")
_KEYS = ("platform", "bot", "user", "group", "department", "kind")
_OTHERS = ("text", "when", "time", "days", "timezone")
_WILD = ("*", "-")


def warnings(root: Node, config: Config) -> list[Finding]:
    """Return what an operator who wrote rules and workflows does not expect of them."""
    found = [*_router(config), *_workflows(config), *_rules(config), *_unreached(config)]
    return [Finding(tree.find(root, path)[0].origin, f"{tree.dotted(path)} {what}") for path, what in found]


_Told = tuple[KeyPath, str]


def _router(config: Config) -> Iterator[_Told]:
    default = config.router.default
    if default and default not in registry.names("runners"):
        yield from _named(config, ("router", "default"), [default])
    known = sorted(config.providers)
    for key, what, others in (("embedder", "embedder", _EMBEDDERS), ("judge", "provider", ("",))):
        name = str(getattr(config.router, key))
        if name in others:
            continue
        if name not in known:
            yield ("router", key), _nobody(what, name, [*filter(None, others), *known])
        elif not config.providers[name].enabled:
            mend = f"Set providers.{name}.enabled: true, or name another"
            yield ("router", key), f"names the provider {name}, which is disabled. {mend}"


def _workflows(config: Config) -> Iterator[_Told]:
    for name, workflow in config.workflows.items():
        if not workflow.enabled:
            continue
        for key in ("fallback", "split", "shadow"):
            others = list(getattr(workflow, key))
            yield from _named(config, ("workflows", name, key), others)
            if name in others:
                yield ("workflows", name, key), "names the workflow itself. Name another"
            yield from _twice(("workflows", name, key), others)


def _rules(config: Config) -> Iterator[_Told]:
    called: dict[str, int] = {}
    for n, rule in enumerate(config.routes):
        if not rule.enabled:
            continue
        at: KeyPath = ("routes", n)
        name = rule.name or f"route{n + 1}"
        if (first := called.setdefault(name, n)) != n:
            yield at, f"is called {name}, like routes[{first}]: what they did is not told apart. Rename one"
        for key, names in (
            ("workflow", (rule.workflow,)),
            ("workflows", rule.workflows),
            ("among", rule.among),
            ("on_error", (rule.on_error,)),
            ("then", rule.then),
        ):
            yield from _named(config, (*at, key), [name for name in names if name])
            yield from _twice((*at, key), names)
        yield from _circles(config, at, rule)
        runners = registry.names("runners")
        if rule.runner and rule.runner not in runners:
            yield (*at, "runner"), _nobody("runner", rule.runner, runners)
        for key, known in (
            ("platform", ["console", *config.platforms]),
            ("bot", sorted({bot.name for bot in config.bots()})),
        ):
            for value in getattr(rule, key):
                if value not in known and value not in _WILD:
                    yield (*at, key), _nobody(key, value, known)
        for value in rule.kind:  # platforms have kinds of their own
            if value not in _KINDS and keys.guess(value, _KINDS):
                yield (*at, "kind"), _nobody("kind", value, _KINDS)
        aims = [key for key in ("workflow", "workflows", "among", "reply") if getattr(rule, key)]
        aims += ["runner"] if rule.runner not in ("", "workflow") else []
        if len(aims) > 1:
            yield at, f"says who answers in {len(aims)} ways ({', '.join(aims)}). Keep one"


def _circles(config: Config, at: KeyPath, rule: RouteSettings) -> Iterator[_Told]:
    """Yield what goes back to who answered already, which one that is split may not have.

    Fallbacks of fallbacks are not followed: two workflows may well stand in for each other.
    """
    named = (rule.workflow, *rule.workflows)
    answering = {name for name in named if name in config.workflows and not config.workflows[name].split}
    for name in dict.fromkeys(each for each in rule.then if each in answering):
        yield (*at, "then"), f"names {name}, which gave the answer: it would work on its own. Name another"
    if rule.on_error in answering:
        what = f"names {rule.on_error}, which is asked anyway and not a second time. Name another"
        yield (*at, "on_error"), what


def _twice(path: KeyPath, names: Sequence[str]) -> Iterator[_Told]:
    for name in sorted({name for name in names if list(names).count(name) > 1}):
        yield path, f"names the workflow {name} more than once. Keep one"


def _named(config: Config, path: KeyPath, names: Iterable[str]) -> Iterator[_Told]:
    for name in names:
        if name not in config.workflows:
            yield path, _nobody("workflow", name, list(config.workflows))
        elif not config.workflows[name].enabled:
            yield path, f"names the workflow {name}, which is disabled. Set workflows.{name}.enabled: true"


def _nobody(what: str, name: str, known: Sequence[str]) -> str:
    meant = keys.guess(name, list(known))
    mend = f"Did you mean {meant}?" if meant else f"There are: {', '.join(known) or 'none'}"
    return f"names the {what} {name}, which is not there. {mend}"


# --- rules that nothing reaches


def _unreached(config: Config) -> Iterator[_Told]:
    """Yield the rules that an earlier one leaves nothing to.

    Found are rules below one for everything, below one for one value that they want too, and below one with
    the very same conditions: what people write by accident. Whether filters imply each other is not asked.
    """
    last = ""  # takes everything
    takes: dict[tuple[str, str], str] = {}  # (condition, value) → the rule that takes all of those
    same: dict[tuple[object, ...], str] = {}
    for n, rule in enumerate(config.routes):
        if not rule.enabled:
            continue
        name = rule.name or f"route{n + 1}"
        over = last or _over(rule, takes) or same.get(_conditions(rule), "")
        if over:
            yield (
                ("routes", n),
                f"is never reached: {over} above it takes all of these. Put it above, or drop it",
            )
        elif not rule.continue_ and rule.percent >= 100 and _answered(config, rule):
            wanted = [key for key in (*_KEYS, *_OTHERS) if getattr(rule, key) and key != "timezone"]
            if not wanted:
                last = name
            elif len(wanted) == 1 and wanted[0] in _KEYS:
                takes |= {(wanted[0], value): name for value in getattr(rule, wanted[0])}
            else:
                same.setdefault(_conditions(rule), name)


def _over(rule: RouteSettings, takes: dict[tuple[str, str], str]) -> str:
    for key in _KEYS:
        values = getattr(rule, key)
        if values and all((key, value) in takes for value in values):
            return takes[key, values[0]]
    return ""


def _conditions(rule: RouteSettings) -> tuple[object, ...]:
    """Return what tells the conditions of rules apart, but for their shares of the users."""
    listed = tuple(frozenset(getattr(rule, key)) for key in _KEYS)
    return (*listed, *(getattr(rule, key) for key in _OTHERS))


def _answered(config: Config, rule: RouteSettings) -> bool:
    """Whether a rule counts: one of whose workflows none can be asked is passed over."""
    wanted = [name for name in (rule.workflow, *rule.workflows, *rule.among) if name]
    return not wanted or any(name in config.workflows and config.workflows[name].enabled for name in wanted)

"""What is checked beside the model: references, plain secrets, names that lead nowhere, placeholders."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mindbot import registry
from mindbot.config import keys, lookalikes, problems, tree
from mindbot.config import references as refs
from mindbot.config.model import Config
from mindbot.config.tree import Finding, KeyPath, Node, Origin
from mindbot.config.unread import unread
from mindbot.telemetry.redaction import redactor

#: What the samples hold where an operator's own value belongs.
_PLACEHOLDER = re.compile(r"your_\w+|<[^<>]+>|changeme|x{3,}", re.IGNORECASE)
#: WeCom developer centre, "Encryption and decryption scheme" (path/90968): 43 letters and digits.
_AES_KEY = re.compile(r"[A-Za-z0-9]{43}")


@dataclass(slots=True)
class Findings:
    """Problems make a configuration unusable, warnings do not; ``looks`` are told beside problems: they may
    be why."""

    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    looks: list[Finding] = field(default_factory=list)


def references(
    node: Node, environ: Mapping[str, str], found: Findings, annotation: Any, path: KeyPath = ()
) -> Node:
    """Put the environment's values into all values but secrets, which keep their references until used."""
    if isinstance(node.value, dict):
        inner = {
            k: references(v, environ, found, keys.child(annotation, k), (*path, k))
            for k, v in node.value.items()
        }
        return replace(node, value=inner)
    if isinstance(node.value, list):
        items = [
            references(v, environ, found, keys.child(annotation, i), (*path, i))
            for i, v in enumerate(node.value)
        ]
        return replace(node, value=items)
    if not isinstance(node.value, str):
        return node
    if refs.broken(node.value):
        what = f"{tree.dotted(path)} holds a ${{ that is no reference. Write ${{NAME}} or ${{NAME:-default}}"
        found.warnings.append(Finding(node.origin, what))
    if keys.is_secret(annotation):
        _secret_reference(node, environ, found, path)
        return node
    text, _, unset = refs.expand(node.value, environ)
    _say_unset(unset, node, found, path)
    return replace(node, value=text)


def _secret_reference(node: Node, environ: Mapping[str, str], found: Findings, path: KeyPath) -> None:
    named = refs.named(node.value)
    if named and not refs.NAME.fullmatch(named[1]):
        found.problems.append(
            Finding(
                node.origin, f"{tree.dotted(path)}: {named[0]}: needs a name of letters, digits, - _ and ."
            )
        )
    elif not named:
        _say_unset([v for v in refs.variables(node.value) if v not in environ], node, found, path)


def _say_unset(unset: list[str], node: Node, found: Findings, path: KeyPath) -> None:
    for name in unset:
        mend = f"Export {name}, or give a default: ${{{name}:-…}}"
        found.warnings.append(Finding(node.origin, f"{tree.dotted(path)}: ${{{name}}} is not set. {mend}"))


def plain_secrets(root: Node, model: type[Config], found: Findings, *, refuse: bool) -> None:
    """Name each secret that stands in a file as it is, and have it masked wherever it is written.

    The environment and flags are no files: secrets that come from there are masked and not remarked upon.
    """
    for path, node in tree.leaves(root):
        secret = keys.is_secret(keys.at(model, path))
        text = node.value
        if not isinstance(text, str) or not text or (secret and refs.is_reference(text)):
            continue
        placeholder = _PLACEHOLDER.fullmatch(text) is not None
        if secret and not placeholder:
            redactor.register(text)
            _aes_key(path, node, found)
            _bearer(path, node, found)
        if node.origin.line and (secret or placeholder):
            finding = _placeholder(path, node) if placeholder else _plain(root, path, node)
            (found.problems if refuse and secret else found.warnings).append(finding)


#: Beside secrets, what is compared or dialled letter by letter. Addresses are mended where they are read.
_EXACT = re.compile(r"(?:.*_)?(?:corpid|id|key|sid|host|region|bucket|number)", re.IGNORECASE)


def credentials(root: Node, model: type[Config], found: Findings) -> None:
    """Warn of characters in credentials and the like that nobody sees, or sees as others."""
    for path, node in tree.leaves(root):
        exact = keys.is_secret(keys.at(model, path)) or _EXACT.fullmatch(str(path[-1]) if path else "")
        if exact and isinstance(node.value, str) and node.origin.line:
            odd = lookalikes.in_credential(node.value, node.origin, tree.dotted(path), node.quoted)
            for told in (found.looks, found.warnings):
                told += [odd] if odd else []


def open_files(root: Node, model: type[Config], found: Findings) -> None:
    """Warn of each file with secrets in plain text that more than its owner may read.

    Root's file that a group may read is the way for a service to read it.
    """
    plain = {
        node.origin.source: path
        for path, node in tree.leaves(root)
        if node.origin.line
        and isinstance(node.value, str)
        and keys.is_secret(keys.at(model, path))
        and node.value
        and not (refs.is_reference(node.value) or _PLACEHOLDER.fullmatch(node.value))
    }
    for file in plain:
        try:
            how = Path(file).stat()
        except OSError:
            continue  # not a file of this machine: a text that was parsed
        mode = stat.S_IMODE(how.st_mode)
        if mode & 0o007 or (mode & 0o070 and how.st_uid):
            who = "everybody" if mode & 0o007 else "its group"
            what = f"holds secrets in plain text and is open to {who} (mode {mode:04o}). chmod 600 {file}"
            found.warnings.append(Finding(Origin(file), what))


def _placeholder(path: KeyPath, node: Node) -> Finding:
    return Finding(node.origin, f"{tree.dotted(path)} still holds a placeholder. Put your own value there")


def _plain(root: Node, path: KeyPath, node: Node) -> Finding:
    name = problems.secret_name(root, path)
    mend = f'Run `mindbot secret set {name}` and write "keyring:{name}"'
    return Finding(node.origin, f"{tree.dotted(path)} is a secret in plain text. {mend}")


def _aes_key(path: KeyPath, node: Node, found: Findings) -> None:
    if path[-1] != "EncodingAESKey" or _AES_KEY.fullmatch(node.value):
        return
    has = f"{len(node.value)} characters" if len(node.value) != 43 else "others than letters and digits"
    what = f"{tree.dotted(path)} has {has}, and WeCom's keys have 43 letters and digits. Copy it again"
    found.warnings.append(Finding(node.origin, what))


def _bearer(path: KeyPath, node: Node, found: Findings) -> None:
    if str(path[-1]).endswith("api_key") and node.value.strip().lower().startswith("bearer "):
        what = f"{tree.dotted(path)} begins with Bearer, which MindBot adds itself. Write the key alone"
        found.warnings.append(Finding(node.origin, what))


def empty(root: Node, model: type[Config], found: Findings) -> None:
    """Warn of a bot's section with nothing in it: it makes no bot."""
    for platform in model.platforms:
        node = root.value.get(platform)
        if node is not None and node.value is None:
            what = f"{platform} is empty and makes no bot. Fill it in, or remove the line"
            found.warnings.append(Finding(node.place, what))


def bot_names(root: Node, model: type[Config], found: Findings) -> None:
    """Two bots of a platform need two names."""
    for platform in model.platforms:
        bots = root.value.get(platform)
        seen: dict[str, Node] = {}
        for bot in bots.value if bots and isinstance(bots.value, list) else []:
            named = bot.value.get("name") if isinstance(bot.value, dict) else None
            name = str(named.value) if named else "default"
            if name in seen:
                what = f"two {platform} bots are named {name}, the other at {seen[name].origin}"
                found.problems.append(Finding(bot.origin, f"{what}. Give each its own `name`"))
            seen[name] = bot


#: A name stands in an address (/v1/providers/NAME), on a command line and in lists: one word, seen as it is.
_PROVIDER = re.compile(r"(?![-.])(?:(?![\u115f\u1160\u3164\uffa0])[\w.-]){1,64}")
#: A workflow's may have blanks inside (General Chat).
_WORKFLOW = re.compile(r"(?![-. ])(?:(?![\u115f\u1160\u3164\uffa0])[\w. -]){1,64}(?<! )")
#: What else stands in a name's place: /v1/providers/usage, /v1/workflows/stats, `--workflow none`.
_TAKEN = {"providers": ("usage",), "workflows": ("stats", "shadows", "compare", "classify", "none")}


def entry_names(root: Node, found: Findings) -> None:
    """Refuse names of providers and workflows that no command could be given."""
    for section, pattern, letters in (
        ("providers", _PROVIDER, "letters, digits, - _ and ., at most 64, the first no - or ."),
        ("workflows", _WORKFLOW, "letters, digits, blanks, - _ and ., at most 64, the first no - or ."),
    ):
        entries = root.value.get(section)
        for name, node in entries.value.items() if entries and isinstance(entries.value, dict) else ():
            if name in _TAKEN[section]:
                what = f"is a command's word. Give the {section[:-1]} another"
            elif not pattern.fullmatch(name):
                what = f"is no {section[:-1]}'s name. Take {letters}"
            else:
                continue
            shown = f"{name[:64]}…" if len(name) > 64 else name
            found.problems.append(Finding(node.place, f"{section}: {shown!a} {what}"))


def names(root: Node, config: Config, found: Findings) -> None:
    """Warn of providers that are named and not defined, or disabled."""
    known = config.providers
    for path in (
        ("chat", "provider"),
        ("provider_selection", "fallback_order"),
        ("agent", "langchain", "primary_provider"),
        ("agent", "langchain", "fallback_providers"),
    ):
        node, _, rest = tree.find(root, path)
        if rest:
            continue
        for each in node.value if isinstance(node.value, list) else [node]:
            name = str(each.value or "")
            if name in known and known[name].enabled:
                continue
            what = f"{tree.dotted(path)} names the provider {name}, which is "
            if name in known:
                what += f"disabled. Set providers.{name}.enabled: true, or name another"
            elif name:
                meant = keys.guess(name, sorted(known))
                what += f"not defined. {f'Did you mean {meant}?' if meant else 'Define it under `providers`'}"
            if name:
                found.warnings.append(Finding(each.origin, what))


def answerers(root: Node, config: Config, found: Findings) -> None:
    """Warn of what is configured and will not be used: bots nobody can answer for, settings nobody reads."""
    found.warnings += unread(root, type(config))
    known = registry.names("providers")
    usable = [name for name, p in config.providers.items() if p.enabled and p.type in known]
    if "workflow" in registry.names("runners"):
        usable += [name for name, workflow in config.workflows.items() if workflow.enabled]
    bots = [bot for bot in config.bots() if bot.platform in config.platforms]
    waiting = bots or (config.bots() if config.providers else [])  # the console's is no sign of use by itself
    if usable or not waiting:
        return
    named = ", ".join(f"{bot.platform}/{bot.name}" for bot in waiting)
    node = root.value[bots[0].platform if bots else "providers"]
    disabled = [name for name, p in config.providers.items() if p.type in known]
    mend = f"Add one under `providers`: {', '.join(known)}"
    if disabled:
        mend = f"Set providers.{disabled[0]}.enabled: true"
    found.warnings.append(Finding(node.origin, f"no enabled provider can answer for {named}. {mend}"))

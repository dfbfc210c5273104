"""Budgets that would do nothing: a model whose cost nobody knows, names that are nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from mindbot.config import keys, tree
from mindbot.config.model import Config
from mindbot.config.prices import price_of
from mindbot.config.spending import BudgetSettings, currency_code
from mindbot.config.tree import Finding, KeyPath, Node

#: Types of providers that need no price: their vendors say what each call cost, or they run on machines of
#: one's own.
_TELL, _FREE = ("dify", "openrouter"), ("local", "ollama", "scripted", "vllm")
_NAMED = 5  # models in one warning
_WILD = re.compile(r"[*?\[]")


def warnings(root: Node, config: Config) -> list[Finding]:
    """Return what an operator who wrote the budgets does not expect of them."""
    found: list[Finding] = []
    for n, budget in enumerate(config.budgets.limits):
        at: KeyPath = ("budgets", "limits", n)
        for key, what in (
            ("who", _nobody(config, budget)),
            ("money", _uncounted(config, budget)),
            ("cheaper", _unlisted(config, budget)),
        ):
            if what:
                path = (*at, key)
                found.append(Finding(tree.find(root, path)[0].origin, f"{tree.dotted(path)} {what}"))
    return found


def _nobody(config: Config, budget: BudgetSettings) -> str:
    """Say that a budget is for nobody. Users and groups nobody knows before they write, but platforms."""
    who = budget.who
    if budget.per == "provider":
        known = sorted(config.providers)
    elif budget.per == "bot":
        known = [f"{bot.platform}/{bot.name}" for bot in config.bots()]
    elif budget.per in ("user", "group"):
        known = [f"{platform}/" for platform in ("console", *config.platforms)]
        wild = _WILD.search(who)
        begins = who[: wild.start()] if wild else who
        if any(begins.startswith(each) or (wild and each.startswith(begins)) for each in known):
            return ""
        who_is = "sender" if budget.per == "user" else "chat"
        return f"names nobody: {who}. Write platform/{who_is}, with one of {', '.join(known)}"
    else:
        return ""
    if not known or any(fnmatchcase(each, who) for each in known):
        return ""
    meant = keys.guess(who, known)
    mend = f"Did you mean {meant}?" if meant else f"There are: {', '.join(known)}"
    return f"names the {budget.per} {who}, which is not defined. {mend}"


def _uncounted(config: Config, budget: BudgetSettings) -> str:
    """Say whose calls a budget in money does not count, because nobody knows what they cost."""
    if budget.money is None:
        return ""
    rates = config.budgets.worth()
    unpriced: list[str] = []
    for provider, model in _asked(config, budget):
        price = price_of(config.providers, config.prices, provider, model)
        name = f"{provider}/{model}" if model else provider
        if price is None:
            unpriced.append(name)
        elif (code := currency_code(price.currency)) not in rates:
            mend = f"Put under budgets.rates what 1 {code} is in {config.budgets.currency}"
            return f"does not count {name}: its price is in {code}. {mend}"
    if not unpriced:
        return ""
    more = f" and {len(unpriced) - _NAMED} more" if len(unpriced) > _NAMED else ""
    names = ", ".join(unpriced[:_NAMED]) + more
    return f"does not count {names}: nobody knows what that costs. Put it under `prices`, or budget `tokens`"


def _asked(config: Config, budget: BudgetSettings) -> Iterator[tuple[str, str]]:
    """Yield the provider and model of calls that a budget counts and whose price has to be known."""
    for name, entry in config.providers.items():
        if not entry.enabled or entry.type in (*_TELL, *_FREE):
            continue
        if budget.per != "provider" or fnmatchcase(name, budget.who):
            yield from ((name, model.name) for model in entry.models)
            if not entry.models:
                yield name, ""


def _unlisted(config: Config, budget: BudgetSettings) -> str:
    """Say that a budget wants a model instead that no provider lists."""
    enabled = {name: entry for name, entry in config.providers.items() if entry.enabled}
    offered = {model.name for entry in enabled.values() for model in entry.models}
    offered |= {f"{name}/{model.name}" for name, entry in enabled.items() for model in entry.models}
    if not budget.cheaper or budget.cheaper in offered:
        return ""
    meant = keys.guess(budget.cheaper, sorted(offered))
    mend = f"Did you mean {meant}?" if meant else "Put it under the `models` of a provider"
    return f"names the model {budget.cheaper}, which no provider lists. {mend}"

"""Makes the classifier that a configuration asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mindbot.config.model import Config
from mindbot.config.workflows import RouterSettings
from mindbot.domain.host import Keep
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.embedders import (
    GivesVectors,
    LocalVectors,
    NoVectors,
    ProviderVectors,
    TextVectors,
    embedder_in_use,
)
from mindbot.workflows.router.examples import Example, builtin, well_known
from mindbot.workflows.router.judge import Asks, RouteJudge
from mindbot.workflows.router.vectors import ExampleVectors


class RouterModels(Asks, GivesVectors, Protocol):
    """The models that give verdicts and vectors."""


def classifier_of(
    config: Config,
    models: RouterModels | None,
    *,
    keep: Keep | None = None,
    keeps: bool = True,
    learned: Iterable[Example] = (),
) -> Classifier:
    """Return the classifier of a configuration. ``models`` None: no provider can be asked, so that there is
    neither a judge nor a provider's embedder. ``keep`` is where vectors of examples stay over restarts;
    ``keeps`` False: they are read there, and none is written.
    """
    source = embedder(config.router, models)
    return Classifier(
        config.workflows,
        config.router,
        learned=learned,
        vectors=None if source is None else ExampleVectors(source, keep, keeps=keeps),
        judge=_judge(config, models),
    )


def embedder(settings: RouterSettings, models: GivesVectors | None) -> TextVectors | None:
    """Return what makes vectors; None: texts are compared by hashed pieces, or by patterns alone."""
    name = embedder_in_use(settings)
    if name in ("none", "hashed"):
        return None
    if name == "local":
        return LocalVectors()
    return NoVectors(name) if models is None else ProviderVectors(models, name, settings.embedding_model)


def _judge(config: Config, models: Asks | None) -> RouteJudge | None:
    settings = config.router
    if not settings.judge or models is None:
        return None
    told = {}
    for name, each in config.workflows.items():
        shipped = builtin(known) if (known := well_known(name)) else ()
        told[name] = [each.description] if each.description else [*each.examples, *shipped]
    return RouteJudge(models, settings.judge, settings.judge_model, settings.judge_timeout, told)

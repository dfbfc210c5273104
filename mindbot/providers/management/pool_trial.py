"""A provider's test with each of its keys: what comes of it counts as it does for any call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mindbot.domain.abilities import Check
from mindbot.domain.errors import MindBotError
from mindbot.providers.management.counting import counted
from mindbot.providers.management.deployments import Deployment, Deployments
from mindbot.providers.management.trial import abilities, answers, failed

Tell = Callable[[str, MindBotError | None], None]


async def pool_trial(deployments: Deployments, name: str, model: str, tell: Tell) -> list[Check]:
    """Ask with each key for an answer, then with the first that is taken for all else; see `trial`.

    A key that is refused is left alone, one that answers is used again; ``tell`` learns of both. With several
    keys a finding is named by its key's label.

    Raises:
        NotFound, ConfigError: there is no such provider, or it cannot be built.
        StoreError: what came of it is not on disk.
    """
    pool, standing = deployments.pool(name), deployments.standing
    settings = deployments.settings.get(name)
    asked = model or (settings.models[0].name if settings is not None and settings.models else "")
    found: list[Check] = []
    well: Deployment | None = None
    failure: MindBotError | None = None
    try:
        for key in pool.keys:
            deployment = Deployment(name, key, asked)
            client = deployments.client(name, key)
            try:
                with counted(standing, deployment) as took:
                    check, took.usage = await answers(client, model)
            except MindBotError as error:
                failure, check = error, failed("answer", error)
                pool.refused(key, error, deployment.circuits[1].model)
            else:
                well = well or deployment
                for circuit in deployment.circuits:
                    if (kept := standing.breakers.look(circuit)) is not None and kept.reason is not None:
                        kept.close()
                        standing.breakers.changed.add(circuit)
            found.append(replace(check, name=f"answer ({key.label})") if len(pool.keys) > 1 else check)
    finally:
        await standing.save()
    if failure is not None:
        tell(name, failure)
    elif well is not None:
        tell(name, None)
    if well is not None and any(check.state == "ok" for check in found):
        found += await abilities(deployments.client(name, well.key), model)
    return found

"""How the WeCom simulator runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.sim.server import SimulatorSettings
from mindbot.sim.wecom.attempts import PushRules
from mindbot.sim.wecom.quotas import ApiRules
from mindbot.sim.wecom.send import SendRules


@dataclass(frozen=True, slots=True, kw_only=True)
class WeComSimSettings(SimulatorSettings):
    """One enterprise with one application. ``token_ttl`` is seconds; ``clock`` measures them.

    ``strict`` checks corpid, secret and agent id, and drops what exceeds 30 messages a minute or 1,000 an
    hour to a member. ``callback_url`` is where pushes go by default.
    """

    corpid: str = "ww51a1a7e0c0ffee00"
    secret: str = "sim-wecom-secret"  # noqa: S105 - a simulator has nothing to hide
    contacts_secret: str = "sim-contacts-secret"  # noqa: S105
    token: str = "SimCallbackToken"  # noqa: S105
    encoding_aes_key: str = "SimulatedKeySimulatedKeySimulatedKey0123456"
    agent_id: int = 1000002
    callback_url: str = ""
    token_ttl: float = 7200.0
    image_limit: int = 10 << 20  # bytes; pages of the documentation differ (2 or 10 MB)
    clock: Callable[[], float] = time.monotonic
    send: SendRules | None = None
    push: PushRules = field(default_factory=PushRules)
    api: ApiRules = field(default_factory=ApiRules)

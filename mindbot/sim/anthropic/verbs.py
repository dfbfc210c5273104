"""What can be asked of the Anthropic simulator: what every model simulator can."""

from __future__ import annotations

from mindbot.sim.anthropic.server import AnthropicSimulator
from mindbot.sim.models.verbs import MODELS
from mindbot.sim.verbs import Verbs

VERBS = Verbs[AnthropicSimulator](MODELS)
